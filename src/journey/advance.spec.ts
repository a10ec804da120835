import { readFileSync } from 'node:fs';
import { AppError } from '../kernel/errors.js';
import { advance } from './advance.js';
import { compile, type CompiledJourney } from './compile.js';
import { propertiesAtHand } from './memory.js';
import { definitionOf, Drive, factsOf, journeyOf, NOON, profileOf, stateOf } from './spec-facts.js';

const HOUR = 3_600_000;
const example = (name: string): CompiledJourney =>
  compile(definitionOf(JSON.parse(readFileSync(new URL(`../../examples/${name}.json`, import.meta.url), 'utf8'))));
const hook = (rest: object = {}) => ({
  type: 'webhook',
  request: { method: 'POST', url: 'https://x.example.com/a' },
  next: null,
  ...rest,
});
const delay = (next: string | null, length = 'PT1H') => ({ type: 'delay', for: length, next });
const split = (filter: object, yes: string | null, no: string | null) => ({
  type: 'decision_split',
  if: filter,
  yes,
  no,
});
const pro = { attribute: 'plan', op: 'equals', value: 'pro' };
const event = (name: string) => ({ event: name });

describe('the example onboarding', () => {
  const journey = example('onboarding');

  it('sends, waits, and gives pro users a gift', () => {
    const drive = new Drive(journey, { profile: profileOf({ custom: { plan: 'pro' } }) }).start();
    expect(drive.effects).toEqual([
      { kind: 'delivery', step: 'crm_upsert', visit: 1, origin: 'https://crm.example.com', problem: null },
    ]);
    expect(drive.state).toMatchObject({ step: 'crm_upsert', visit: 1, dueAt: null });

    drive.word('attempted');
    expect(drive.state).toMatchObject({ step: 'wait', visit: 2, dueAt: NOON + 2_000 });
    drive.word('delivered', { visit: 1 });
    expect(drive.lastLine).toMatchObject({ what: 'ignored', step: 'wait' });
    expect(drive.state).toMatchObject({ step: 'wait', visit: 2, dueAt: NOON + 2_000 });

    drive.ring();
    expect(drive.visited).toEqual(['crm_upsert', 'wait', 'is_pro', 'gift']);
    drive.word('delivered');
    expect([drive.status, drive.reason]).toEqual(['completed', null]);
    expect(drive.trail.map(({ step, what, path }) => [step, what, path])).toEqual([
      ['crm_upsert', 'entered', undefined],
      ['crm_upsert', 'waits', undefined],
      ['crm_upsert', 'went', 'next'],
      ['wait', 'entered', undefined],
      ['wait', 'waits', undefined],
      ['wait', 'ignored', undefined],
      ['wait', 'went', 'next'],
      ['is_pro', 'entered', undefined],
      ['is_pro', 'went', 'yes'],
      ['gift', 'entered', undefined],
      ['gift', 'waits', undefined],
      ['gift', 'went', 'next'],
      ['gift', 'completed', undefined],
    ]);
  });

  it('nudges everyone else, whatever became of the first webhook', () => {
    for (const outcome of ['attempted', 'delivered', 'failed', 'aborted', 'expired', 'cancelled'] as const) {
      const drive = new Drive(journey).start().word(outcome).ring();
      expect(drive.visited.at(-1)).toBe('nudge');
    }
  });
});

describe('the example letter-and-fallback', () => {
  const journey = example('letter-and-fallback');

  it('keeps what the print service answered', () => {
    const drive = new Drive(journey, { context: { order_id: 'o1' } }).start();
    expect(drive.state.dueAt).toBe(NOON + 24 * HOUR);
    drive.word('attempted');
    expect(drive.state).toMatchObject({ step: 'letter', dueAt: NOON + 24 * HOUR });
    drive.word('delivered', { captured: { letter_id: 'L-1' } });
    expect(drive.status).toBe('completed');
    expect(drive.state.context).toEqual({ order_id: 'o1', letter_id: 'L-1' });
    expect(drive.profile.custom).toEqual({ last_letter: 'L-1' });
    expect(drive.effects.at(-1)).toEqual({ kind: 'attributes', step: 'note', attributes: { last_letter: 'L-1' } });
  });

  it.each(['failed', 'aborted', 'expired', 'cancelled'] as const)('falls back when the letter has %s', (outcome) => {
    const drive = new Drive(journey).start().word(outcome);
    expect(drive.state).toMatchObject({ step: 'fallback', visit: 2 });
    expect(drive.trail).toContainEqual(expect.objectContaining({ step: 'letter', what: 'went', path: 'failure' }));
  });

  it('falls back when there is no result within a day, and drops the late result', () => {
    const drive = new Drive(journey).start().ring();
    expect(drive.trail).toContainEqual(expect.objectContaining({ step: 'letter', what: 'went', path: 'timeout' }));
    const before = drive.state;
    drive.word('delivered', { visit: 1, captured: { letter_id: 'late' } });
    expect(drive.state).toEqual(before);
    expect(drive.lastLine.what).toBe('ignored');
  });
});

describe('a webhook that waits for its result', () => {
  const steps = { hook: hook({ advance: 'result', next: 'after' }), after: delay('end'), end: { type: 'exit' } };

  it('parks the user when it fails without a way out, and goes on when the delivery is retried', () => {
    const drive = new Drive(journeyOf(steps)).start().word('failed', { reason: 'http_500', status: 500 });
    expect([drive.status, drive.reason, drive.state.step, drive.state.dueAt]).toEqual([
      'parked',
      'http_500',
      'hook',
      null,
    ]);
    drive.word('failed', { reason: 'http_400' });
    expect([drive.status, drive.reason]).toEqual(['parked', 'http_400']);
    drive.word('delivered');
    expect([drive.status, drive.state.step]).toEqual(['active', 'after']);
  });

  it('goes on when a parked entry is told to continue; one that is not parked is not moved', () => {
    const drive = new Drive(journeyOf(steps)).start().input({ type: 'continue' });
    expect([drive.status, drive.state.step, drive.lastLine.what]).toEqual(['active', 'hook', 'ignored']);
    drive.word('failed').input({ type: 'continue' });
    expect([drive.status, drive.state.step, drive.state.memory]).toEqual(['active', 'after', null]);
  });

  it('parks when there is no result in time and nowhere to go', () => {
    const drive = new Drive(journeyOf(steps)).start().ring();
    expect([drive.status, drive.reason]).toEqual(['parked', 'result_timeout']);
  });

  it('a parked entry that is taken out leaves, in either exit mode', () => {
    const exit = { when: [event('bye')], mode: 'step_end' };
    const drive = new Drive(journeyOf(steps, { exit })).start().word('failed');
    drive.input({ type: 'exit', reason: 'performed_event', why: null });
    expect([drive.status, drive.reason]).toEqual(['exited', 'performed_event']);
  });

  it('keeps the context within 50 KB', () => {
    const drive = new Drive(journeyOf(steps), { context: { big: 'x'.repeat(51_000) } }).start();
    drive.word('delivered', { captured: { more: 'y'.repeat(1_000), id: 7 } });
    expect(Object.keys(drive.state.context)).toEqual(['big', 'id']);
    expect(drive.trail.find(({ what }) => what === 'went')!.why).toContain('more');
  });
});

describe('a webhook', () => {
  it('whose only_if is false takes the user out', () => {
    const drive = new Drive(journeyOf({ hook: hook({ next: 'd' }), d: delay(null) })).start();
    drive.word('aborted', { invalid: true });
    expect([drive.status, drive.reason]).toEqual(['exited', 'validation_failed']);
  });

  it('finds its host by rendering the URL when the host is Liquid', () => {
    const request = { method: 'POST', url: 'https://{{context.${tenant}}}.example.com/x' };
    const journey = journeyOf({ hook: hook({ request, next: null }) });
    const good = new Drive(journey, { context: { tenant: 'acme' } }).start();
    expect(good.effects[0]).toMatchObject({ origin: 'https://acme.example.com', problem: null });
    const bad = new Drive(journey, { context: { tenant: 'a b' } }).start();
    expect(bad.effects[0]).toMatchObject({ origin: null, problem: { code: 'url_invalid' } });
    expect(bad.status).toBe('completed');
  });

  it('that cannot be made is a failure to a step that waits for the result', () => {
    const request = { method: 'POST', url: '{{context.${url}}}' };
    const failure = journeyOf({
      hook: hook({ request, advance: 'result', on: { failure: 'f' } }),
      f: { type: 'exit', reason: 'fell' },
    });
    expect(new Drive(failure).start().reason).toBe('fell');
    const parks = new Drive(journeyOf({ hook: hook({ request, advance: 'result' }) })).start();
    expect([parks.status, parks.reason, parks.effects.length]).toEqual(['parked', 'url_invalid', 1]);
  });
});

describe('a delay', () => {
  it("is measured from arrival, after an event from the event's own time", () => {
    const journey = journeyOf({ d: delay('e'), e: delay('f'), f: { type: 'exit' } });
    const drive = new Drive(journey, { enteredAt: NOON - 10 * 60_000 }).start();
    expect(drive.state.dueAt).toBe(NOON + 50 * 60_000);
    drive.ring();
    expect(drive.state.dueAt).toBe(NOON + 110 * 60_000);
    expect(new Drive(journey, { enteredAt: NOON - 2 * HOUR }).start().state.dueAt).toBe(NOON - HOUR);
  });

  it('is not over before it is due', () => {
    const drive = new Drive(journeyOf({ d: delay('e'), e: { type: 'exit' } })).start();
    drive.now += HOUR - 1;
    drive.input({ type: 'timer' });
    expect([drive.state.step, drive.status]).toEqual(['d', 'active']);
    drive.now += 1;
    drive.input({ type: 'timer' });
    expect(drive.status).toBe('exited');
  });

  it('as the last step ends the journey at once', () => {
    const drive = new Drive(journeyOf({ d: delay(null) })).start();
    expect(drive.status).toBe('completed');
  });

  it("until a local time in the journey's, the user's or its own zone, or with an offset", () => {
    const due = (fields: object, rest: object = {}): number | null =>
      new Drive(journeyOf({ d: { type: 'delay', next: 'e', ...fields }, e: { type: 'exit' } }, { ...rest }), {
        profile: profileOf({ standard: { time_zone: 'Asia/Seoul' } }),
        subject: { companyTimeZone: 'Europe/Berlin' },
      }).start().state.dueAt;
    const until = '2026-12-01T09:00';
    expect(due({ until }, { timezone: 'UTC' })).toBe(Date.UTC(2026, 11, 1, 9));
    expect(due({ until })).toBe(Date.UTC(2026, 11, 1, 8));
    expect(due({ until, timezone: 'user' })).toBe(Date.UTC(2026, 11, 1, 0));
    expect(due({ until: '2026-12-01T09:00:00-05:00' })).toBe(Date.UTC(2026, 11, 1, 14));
  });

  it('until a moment that has passed takes the user out', () => {
    const drive = new Drive(
      journeyOf({ d: { type: 'delay', until: '2026-11-24T11:59', next: 'e' }, e: delay(null) }),
    ).start();
    expect([drive.status, drive.reason]).toEqual(['exited', 'delay_in_past']);
  });
});

describe('action paths', () => {
  const paths = [
    { name: 'Bought', on: [{ purchase: '*' }], next: 'thanks' },
    { name: 'Left', on: [event('left')], exit: true },
  ];
  const journey = journeyOf({
    act: { type: 'action_paths', window: 'PT2H', paths, everyone_else: 'remind' },
    thanks: delay('hook'),
    hook: hook({ next: 'later' }),
    later: delay(null),
    remind: { type: 'exit', reason: 'reminded' },
  });

  it('leave along the first action, and its properties are at hand until the next webhook is left', () => {
    const drive = new Drive(journey).start();
    expect(drive.state.dueAt).toBe(NOON + 2 * HOUR);
    drive.act(0, { sku: 'A1' });
    expect(drive.state.step).toBe('thanks');
    expect(propertiesAtHand(drive.state)).toEqual({ sku: 'A1' });
    drive.ring();
    expect([drive.state.step, propertiesAtHand(drive.state)]).toEqual(['hook', { sku: 'A1' }]);
    drive.word('attempted');
    expect(drive.status).toBe('completed');
    expect(drive.state.memory).toBeNull();
    expect(drive.state.context).toEqual({});
  });

  it('go to Everyone Else at the end of the window', () => {
    expect(new Drive(journey).start().ring().reason).toBe('reminded');
  });

  it('end the entry along a path with "exit"', () => {
    const drive = new Drive(journey).start().act(1);
    expect([drive.status, drive.reason]).toEqual(['exited', 'action_path']);
  });

  it('drop an action that was meant for another visit', () => {
    const drive = new Drive(journey).start().act(0, {}, 7);
    expect([drive.state.step, drive.lastLine.what]).toEqual(['act', 'ignored']);
  });

  it('let a following split see the properties', () => {
    const where = { property: 'sku', op: 'equals', value: 'A1' };
    const steps = {
      act: { type: 'action_paths', paths: [{ name: 'B', on: [{ purchase: '*' }], next: 's' }], everyone_else: null },
      s: split(where, 'yes', null),
      yes: { type: 'exit', reason: 'a1' },
    };
    expect(new Drive(journeyOf(steps)).start().act(0, { sku: 'A1' }).reason).toBe('a1');
  });
});

describe('exit criteria', () => {
  const steps = { d: delay('e'), e: delay('f'), f: { type: 'exit' } };

  it('take the user out at once by default', () => {
    const drive = new Drive(journeyOf(steps, { exit: { when: [event('bye')] } })).start();
    drive.input({ type: 'exit', reason: 'performed_event', why: 'event "bye"' });
    expect([drive.status, drive.reason, drive.state.step, drive.state.dueAt]).toEqual([
      'exited',
      'performed_event',
      'd',
      null,
    ]);
  });

  it('with mode step_end are remembered and applied when the step ends', () => {
    const drive = new Drive(journeyOf(steps, { exit: { when: [event('bye')], mode: 'step_end' } })).start();
    drive.input({ type: 'exit', reason: 'performed_event', why: 'event "bye"' });
    expect([drive.status, drive.state.exitReason, drive.state.dueAt]).toEqual([
      'active',
      'performed_event',
      NOON + HOUR,
    ]);
    drive.input({ type: 'exit', reason: 'another', why: null });
    expect(drive.state.exitReason).toBe('performed_event');
    drive.ring();
    expect([drive.status, drive.reason, drive.state.step]).toEqual(['exited', 'performed_event', 'd']);
  });

  it('of an operator hold at once in either mode', () => {
    const drive = new Drive(journeyOf(steps, { exit: { when: [event('bye')], mode: 'step_end' } })).start();
    drive.input({ type: 'exit', reason: 'removed', why: null, immediate: true });
    expect([drive.status, drive.reason]).toEqual(['exited', 'removed']);
  });

  it.each(['immediate', 'step_end'])('on the audience are looked at whenever a step ends (%s)', (mode) => {
    const journey = journeyOf(steps, { exit: { when: [event('bye'), { audience: pro }], mode } });
    const drive = new Drive(journey).start();
    drive.ring();
    expect(drive.state.step).toBe('e');
    drive.profile = profileOf({ custom: { plan: 'pro' } });
    drive.ring();
    expect([drive.status, drive.reason, drive.state.step]).toEqual(['exited', 'matched_audience', 'e']);
    expect(drive.lastLine.why).toContain('exit criterion 2');
  });

  it('on the audience see what a step has just changed', () => {
    const journey = journeyOf(
      { u: { type: 'user_update', set: { plan: 'pro' }, next: 'd' }, d: delay('u') },
      { exit: { when: [{ audience: pro }] } },
    );
    expect(new Drive(journey).start().reason).toBe('matched_audience');
  });
});

describe('a stopped journey', () => {
  it('keeps users in their step and lets go of them when it ends', () => {
    const drive = new Drive(journeyOf({ d: delay('e'), e: { type: 'exit', reason: 'end' } })).start();
    drive.stopped = true;
    drive.ring();
    expect([drive.status, drive.reason, drive.state.step]).toEqual(['exited', 'journey_stopped', 'd']);
  });
});

describe('steps that never wait', () => {
  it('take the first path that matches, else everyone else', () => {
    const paths = [
      { name: 'a', if: { attribute: 'n', op: 'greater_than', value: 10 }, next: 'a' },
      { name: 'b', if: { attribute: 'n', op: 'greater_than', value: 5 }, next: 'b' },
    ];
    const journey = journeyOf({
      s: { type: 'audience_paths', paths, everyone_else: 'c' },
      a: { type: 'exit', reason: 'a' },
      b: { type: 'exit', reason: 'b' },
      c: { type: 'exit', reason: 'c' },
    });
    const reason = (n: number) => new Drive(journey, { profile: profileOf({ custom: { n } }) }).start().reason;
    expect([reason(20), reason(11), reason(7), reason(1)]).toEqual(['a', 'a', 'b', 'c']);
  });

  it('see what the update before them wrote', () => {
    const journey = journeyOf({
      u: { type: 'user_update', set: { plan: '{{context.${plan}}}' }, increment: { visits: 1 }, next: 's' },
      s: split({ all: [pro, { attribute: 'visits', op: 'equals', value: 3 }] }, 'yes', 'no'),
      yes: { type: 'exit', reason: 'saw it' },
      no: { type: 'exit', reason: 'did not' },
    });
    const drive = new Drive(journey, {
      profile: profileOf({ custom: { visits: 2 } }),
      context: { plan: 'pro' },
    }).start();
    expect(drive.reason).toBe('saw it');
    expect(drive.profile.custom).toEqual({ visits: 3, plan: 'pro' });
  });

  it('end a run that would never come to rest', () => {
    // Valid, since a webhook takes time; with every delivery answered at once it still must not go on for ever.
    const journey = journeyOf({
      s: split({ attribute: 'x', op: 'exists' }, 'u', 'd'),
      u: { type: 'exit' },
      d: delay('s'),
    });
    const looping = { ...journey, next: () => journey.steps.get('s')! };
    let caught: unknown;
    try {
      advance(looping, stateOf(), { type: 'start' }, factsOf());
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(AppError);
    expect((caught as AppError).code).toBe('loop_without_wait');
  });
});
