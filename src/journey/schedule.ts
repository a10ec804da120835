/**
 * Runs of a schedule: pure arithmetic on the calendar of one zone. A run keeps its wall-clock time over a switch to or
 * from summer time; a monthly run on a day that a month lacks is on that month's last day; weeks begin on Monday.
 *
 * `count` bounds the series that begins at `at` (as COUNT of RFC 5545 does), so a run that nobody was there to make still
 * counts. `until` is inclusive: a date alone is the whole of that day.
 */
import { Temporal } from 'temporal-polyfill';
import { z } from 'zod';
import type { Issues } from './issues.js';
import { dateTime, issue, timeZone } from './shapes.js';
import { instantOf, localTimeOf, parseDateTime } from './time.js';

const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;

const localDateTime = dateTime.superRefine((value, context) => {
  if (parseDateTime(value)?.kind === 'instant') {
    context.addIssue(
      issue('date_time_invalid', `"${value}" must be a local time without offset; set "timezone" instead`),
    );
  }
});

export const scheduleSchema = z.strictObject({
  type: z.literal('schedule'),
  at: localDateTime,
  timezone: timeZone('user', 'company').optional(),
  repeat: z
    .strictObject({
      every: z.enum(['day', 'week', 'month']),
      interval: z.int().min(1).max(366).optional(),
      weekdays: z.array(z.enum(WEEKDAYS)).min(1).max(7).optional(),
      until: localDateTime.optional(),
      count: z.int().min(1).max(100_000).optional(),
    })
    .optional(),
});

export type Schedule = z.infer<typeof scheduleSchema>;

export function checkSchedule(schedule: Schedule, issues: Issues): void {
  if (schedule.timezone === 'user') {
    issues.notBuilt(['timezone'], 'a schedule in each profile\'s own time zone ("timezone": "user")');
  }
  const { repeat } = schedule;
  if (!repeat) return;
  if (repeat.weekdays && repeat.every !== 'week') {
    issues.error(['repeat', 'weekdays'], 'weekdays_without_week', '"weekdays" goes with "every": "week" only');
  }
  if (repeat.weekdays && new Set(repeat.weekdays).size < repeat.weekdays.length) {
    issues.error(['repeat', 'weekdays'], 'weekday_twice', 'a weekday is listed twice');
  }
  const at = localOf(schedule.at);
  if (at && repeat.until && isAfter(at, repeat.until)) {
    issues.error(['repeat', 'until'], 'until_before_start', '"until" is before the first run');
  }
}

/**
 * Epoch milliseconds of the first run strictly after `after` (`null`: the first of all), or `null` when there is none.
 * `journeyTimeZone` is the journey's zone (IANA name or `company`), used when the schedule names none; `companyTimeZone`
 * is the workspace's IANA name.
 */
export function nextRun(
  schedule: Schedule,
  after: number | null,
  journeyTimeZone: string,
  companyTimeZone: string,
): number | null {
  const named = schedule.timezone ?? journeyTimeZone;
  const zone = named === 'company' ? companyTimeZone : named;
  const at = localOf(schedule.at);
  if (!at) return null;
  const { repeat } = schedule;
  if (!repeat) {
    const only = instantOf(at, zone);
    return after === null || only > after ? only : null;
  }
  const from = after === null ? at : localTimeOf(after, zone);
  const series = repeat.every === 'week' ? weekly(at, repeat, from) : steady(at, repeat, from);
  for (const { local, ordinal } of series) {
    if (repeat.count !== undefined && ordinal >= repeat.count) return null;
    if (repeat.until !== undefined && isAfter(local, repeat.until)) return null;
    const instant = instantOf(local, zone);
    if (after === null || instant > after) return instant;
  }
  return null;
}

type Repeat = NonNullable<Schedule['repeat']>;
interface Occurrence {
  readonly local: Temporal.PlainDateTime;
  /** Place in the series that begins at `at`, from 0. */
  readonly ordinal: number;
}

/** Periods far before the wanted time are skipped by arithmetic; one is kept in hand for switches of the clock. */
function firstPeriod(elapsed: number, interval: number): number {
  return Math.max(0, Math.floor(elapsed / interval) - 1);
}

function* steady(at: Temporal.PlainDateTime, repeat: Repeat, from: Temporal.PlainDateTime): Generator<Occurrence> {
  const interval = repeat.interval ?? 1;
  const unit = repeat.every === 'month' ? 'months' : 'days';
  const elapsed = at.until(from, { largestUnit: unit })[unit];
  // Each run is counted from `at`, not from the run before: the 31st comes back after a short month.
  for (let ordinal = firstPeriod(elapsed, interval); ; ordinal++) {
    yield { local: at.add({ [unit]: ordinal * interval }), ordinal };
  }
}

function* weekly(at: Temporal.PlainDateTime, repeat: Repeat, from: Temporal.PlainDateTime): Generator<Occurrence> {
  const interval = repeat.interval ?? 1;
  const days = (repeat.weekdays ?? [WEEKDAYS[at.dayOfWeek - 1]!])
    .map((day) => WEEKDAYS.indexOf(day))
    .sort((a, b) => a - b);
  const monday = at.subtract({ days: at.dayOfWeek - 1 });
  const missedInFirstWeek = days.filter((day) => day < at.dayOfWeek - 1).length;
  const elapsed = Math.floor(monday.until(from, { largestUnit: 'days' }).days / 7);
  for (let week = firstPeriod(elapsed, interval); ; week++) {
    for (const [i, day] of days.entries()) {
      const ordinal = week * days.length + i - missedInFirstWeek;
      if (ordinal >= 0) yield { local: monday.add({ days: week * interval * 7 + day }), ordinal };
    }
  }
}

function localOf(text: string): Temporal.PlainDateTime | null {
  const parsed = parseDateTime(text);
  return parsed?.kind === 'local' ? parsed.local : null;
}

function isAfter(local: Temporal.PlainDateTime, until: string): boolean {
  const parsed = parseDateTime(until);
  if (parsed?.kind !== 'local') return false;
  return parsed.dateOnly
    ? Temporal.PlainDate.compare(local.toPlainDate(), parsed.local.toPlainDate()) > 0
    : Temporal.PlainDateTime.compare(local, parsed.local) > 0;
}
