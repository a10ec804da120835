import fc from 'fast-check';
import type { AdvanceInput } from './decision.js';
import { Drive, journeyOf, profileOf } from './spec-facts.js';

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
const event = (name: string) => ({ event: name });

/** Steps that only lead forward, so that every way ends; any step may lead to any later one or to the end. */
const forwardJourney = fc
  .array(
    fc.record({
      kind: fc.integer({ min: 0, max: 6 }),
      jumps: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 3, maxLength: 3 }),
    }),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  .map((plan) => {
    const target = (i: number, jump: number): string | null => (i + jump < plan.length ? `s${i + jump}` : null);
    const steps = plan.map(({ kind, jumps }, i) => {
      const [a, b, c] = jumps.map((jump) => target(i, jump)) as [string | null, string | null, string | null];
      const all = [
        delay(a, 'PT5M'),
        split({ bucket: [0, 4_999] }, a, b),
        hook({ next: a }),
        hook({ advance: 'result', next: undefined, on: { success: a, failure: b, timeout: c } }),
        {
          type: 'action_paths',
          paths: [
            { name: 'x', on: [event('x')], next: a },
            { name: 'y', on: [event('y')], exit: true },
          ],
          everyone_else: c,
        },
        { type: 'user_update', increment: { n: 1 }, next: b },
        {
          type: 'context',
          set: [{ name: 'v', type: 'number', value: '{{context.${v} | default: 0 | plus: 1}}' }],
          next: c,
        },
      ];
      return [`s${i}`, all[kind]!] as const;
    });
    return Object.fromEntries(steps);
  });

const inputs = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 30, maxLength: 30 });

function inputFor(drive: Drive, choice: number): AdvanceInput {
  const { visit } = drive.state;
  const word = (outcome: 'attempted' | 'delivered' | 'failed') =>
    ({ type: 'delivery', visit, deliveryId: 'd', outcome, reason: null, status: null, captured: {} }) as const;
  switch (choice) {
    case 0:
      return word('attempted');
    case 1:
      return word('failed');
    case 2:
    case 3:
      return { type: 'action', visit, path: choice - 2, properties: {}, at: drive.now, name: 'e' };
    default:
      if (drive.state.dueAt !== null) {
        drive.now = Math.max(drive.now, drive.state.dueAt);
        return { type: 'timer' };
      }
      return word('delivered');
  }
}

describe('any journey whose steps lead forward', () => {
  it('ends on every path, and advances the same way each time', () => {
    fc.assert(
      fc.property(forwardJourney, inputs, fc.integer({ min: 0, max: 9_999 }), (steps, choices, bucket) => {
        const journey = journeyOf(steps);
        const [one, two] = [0, 1].map(() => new Drive(journey, { profile: profileOf({ bucket }) }).start()) as [
          Drive,
          Drive,
        ];
        for (const choice of choices) {
          if (one.status !== 'active') break;
          const visit = one.state.visit;
          const input = inputFor(one, choice);
          two.now = one.now;
          one.input(input);
          two.input(input);
          expect(one.state.visit).toBeGreaterThanOrEqual(visit);
          expect({ ...two, journey: null }).toEqual({ ...one, journey: null });
        }
        // Whatever is left waits; nudged with what each step waits for, it comes to its end.
        for (let i = 0; one.status === 'active'; i++) {
          expect(i).toBeLessThan(40);
          one.input(inputFor(one, 9));
        }
        expect(['completed', 'exited']).toContain(one.status);
        expect(one.state.dueAt).toBeNull();
      }),
      { numRuns: 150 },
    );
  });

  it('takes a signal for another visit as if it had not come', () => {
    fc.assert(
      fc.property(forwardJourney, fc.integer({ min: 1, max: 5 }), (steps, off) => {
        const drive = new Drive(journeyOf(steps)).start();
        fc.pre(drive.status === 'active');
        const before = drive.state;
        drive.word('delivered', { visit: before.visit + off });
        drive.act(0, {}, before.visit + off);
        expect(drive.state).toEqual(before);
        expect(drive.status).toBe('active');
      }),
      { numRuns: 50 },
    );
  });
});
