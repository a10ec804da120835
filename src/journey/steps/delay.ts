import { z } from 'zod';
import { parseDuration } from '../../kernel/duration.js';
import { NO_NEEDS, type Needs } from '../../segments/subject.js';
import type { Facts } from '../decision.js';
import { LIMITS } from '../limits.js';
import { clockTime, dateTime, duration, liquid, stepBase, target, timeZone } from '../shapes.js';
import { parseDateTime, resolveTimeZone, toInstant } from '../time.js';
import type { StepKind } from './step-kind.js';

const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;

export const delaySchema = z.strictObject({
  type: z.literal('delay'),
  ...stepBase,
  for: duration({ max: LIMITS.delay, maxText: '730 days (P730D)' }).optional(),
  calendar_days: z.int().min(0).max(730).optional(),
  until: dateTime.optional(),
  weekday: z.enum(WEEKDAYS).optional(),
  if_passed: z.enum(['next_week', 'advance']).optional(),
  from: liquid().optional(),
  unit: z.enum(['seconds', 'minutes', 'hours', 'days', 'weeks']).optional(),
  offset: z.string().optional(),
  at: clockTime.optional(),
  timezone: timeZone('user', 'company').optional(),
  next: target,
});

export type DelayStep = z.infer<typeof delaySchema>;

const FORMS = ['for', 'calendar_days', 'until', 'weekday', 'from'] as const;
const COMPANIONS = {
  for: ['at'],
  calendar_days: ['at'],
  until: [],
  weekday: ['at', 'if_passed'],
  from: ['unit', 'offset', 'at'],
} as const satisfies Record<(typeof FORMS)[number], readonly string[]>;

const USER_NEEDS: Needs = { ...NO_NEEDS, profile: true };

/**
 * Waits for a duration from arrival, or until a moment. A moment that has passed takes the entry out with reason
 * `delay_in_past`; a delay with nothing after it ends the journey at once (both Braze).
 */
export const delay: StepKind<DelayStep> = {
  type: 'delay',

  check(step, issues) {
    const forms = FORMS.filter((form) => step[form] !== undefined);
    const [form] = forms;
    if (!form || forms.length > 1) {
      issues.error(
        [],
        'delay_form',
        `a delay has exactly one of ${FORMS.map((f) => `"${f}"`).join(', ')}; found ${forms.length === 0 ? 'none' : forms.map((f) => `"${f}"`).join(' and ')}`,
      );
      return;
    }
    const companions: readonly string[] = COMPANIONS[form];
    for (const key of ['at', 'if_passed', 'unit', 'offset'] as const) {
      if (step[key] !== undefined && !companions.includes(key)) {
        issues.error([key], 'delay_form', `"${key}" does not go with "${form}"`);
      }
    }
    if (form !== 'for' && form !== 'until') issues.notBuilt([form], `a delay by "${form}"`);
    if (form === 'for' && step.at !== undefined) issues.notBuilt(['at'], 'a delay "for" … "at" a time of day');
    if (step.timezone !== undefined && form === 'for' && step.at === undefined) {
      issues.error(['timezone'], 'delay_form', '"timezone" has no meaning for a duration without a time of day');
    }
    if (step.timezone !== undefined && form === 'until' && parseDateTime(step.until!)?.kind === 'instant') {
      issues.error(['timezone'], 'delay_form', '"until" has its own offset; "timezone" would have no meaning');
    }
    if (step.next === null)
      issues.warn(['next'], 'delay_is_last', 'nothing comes after this delay: it ends the journey at once');
  },

  ways: (step) => [{ event: 'next', label: 'next', next: step.next }],

  longestWait: (step) => (step.next === null ? 0 : (parseDuration(step.for ?? 'PT0S') ?? 0)),

  compile(step, { timeZone: journeyZone }) {
    const last = { kind: 'go', path: 'next', why: 'nothing comes after this delay' } as const;
    const elapsed = { kind: 'go', path: 'next' } as const;
    const ms = step.for === undefined ? null : (parseDuration(step.for) ?? 0);
    const zone = step.timezone ?? journeyZone;
    const until = step.until === undefined ? null : untilIn(step.until, zone);

    return {
      waits: step.next === null ? 'never' : 'always',
      needs: until && zone === 'user' ? USER_NEEDS : NO_NEEDS,
      locks: false,
      topics: [],
      enter(arrival, facts) {
        if (step.next === null) return last;
        if (ms !== null) return { kind: 'wait', until: arrival.arrivedAt + ms };
        const due = until!(facts);
        if (due === null || due < facts.now) {
          return { kind: 'exit', reason: 'delay_in_past', why: `${step.until!} has passed` };
        }
        return { kind: 'wait', until: due };
      },
      signal: (state, facts, input) =>
        input.type === 'timer' && (state.dueAt === null || state.dueAt <= facts.now) ? elapsed : null,
    };
  },
};

/** The moment per zone: computed once for each zone that comes by. */
function untilIn(text: string, zone: string): (facts: Facts) => number | null {
  const known = new Map<string, number | null>();
  return ({ subject }) => {
    const resolved = resolveTimeZone(zone, subject.profile.standard['time_zone'], subject.companyTimeZone);
    let at = known.get(resolved);
    if (at === undefined) {
      at = toInstant(text, resolved);
      known.set(resolved, at);
    }
    return at;
  };
}
