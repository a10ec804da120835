import fc from 'fast-check';
import { backOff, DEFAULT_RETRY, nextAttempt, retryPolicy, type RetryFacts } from './retry.js';

const MINUTE = 60_000;
const facts = (over: Partial<RetryFacts>): RetryFacts => ({
  made: 1,
  firstAttemptAt: 0,
  now: 0,
  notBefore: null,
  unreachable: false,
  unit: 0.5,
  ...over,
});

describe('retry', () => {
  it('waits initial · factor^n by default', () => {
    expect([1, 2, 3, 4, 5].map((made) => Math.round(backOff(DEFAULT_RETRY, made, 0.5) / 1000))).toEqual([
      30, 66, 145, 319, 703,
    ]);
  });

  it('makes 1 + 5 attempts within 30 minutes', () => {
    let now = 0;
    for (let made = 1; made <= 5; made++) {
      const verdict = nextAttempt(DEFAULT_RETRY, facts({ made, now }));
      expect(verdict).toMatchObject({ kind: 'again', lane: 'normal' });
      if (verdict.kind === 'again') now = verdict.at;
    }
    expect(now).toBeLessThan(30 * MINUTE);
    expect(nextAttempt(DEFAULT_RETRY, facts({ made: 6, now }))).toEqual({ kind: 'exhausted' });
  });

  it('Retry-After moves the attempt later, never earlier', () => {
    expect(nextAttempt(DEFAULT_RETRY, facts({ notBefore: 5 * MINUTE }))).toMatchObject({ at: 5 * MINUTE });
    expect(nextAttempt(DEFAULT_RETRY, facts({ notBefore: 1000 }))).toMatchObject({ at: 30_000 });
  });

  it('past the budget it has failed, also when the host asks for it', () => {
    expect(nextAttempt(DEFAULT_RETRY, facts({ notBefore: 31 * MINUTE }))).toEqual({ kind: 'exhausted' });
    expect(nextAttempt(DEFAULT_RETRY, facts({ made: 2, now: 29.9 * MINUTE }))).toEqual({ kind: 'exhausted' });
  });

  it('a host that could not be reached keeps a slow lane up to 24 h', () => {
    let now = 0;
    let made = 1;
    const waits: number[] = [];
    for (;;) {
      const verdict = nextAttempt(DEFAULT_RETRY, facts({ made, now, unreachable: true }));
      if (verdict.kind === 'exhausted') break;
      if (verdict.lane === 'slow') waits.push(verdict.at - now);
      now = verdict.at;
      made++;
    }
    expect(now).toBeGreaterThan(18 * 60 * MINUTE);
    expect(now).toBeLessThanOrEqual(24 * 60 * MINUTE);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(DEFAULT_RETRY.max);
    expect(made).toBeLessThan(40);
  });

  it('an author who wants one attempt gets one', () => {
    expect(nextAttempt(retryPolicy({ attempts: 1 }), facts({ unreachable: true }))).toEqual({ kind: 'exhausted' });
  });

  it('reads the step’s own policy', () => {
    expect(
      retryPolicy({ attempts: 2, initial: 'PT1S', factor: 3, max: 'PT5S', jitter: 0, within: 'PT1M', statuses: [418] }),
    ).toEqual({
      attempts: 2,
      initial: 1000,
      factor: 3,
      max: 5000,
      jitter: 0,
      within: MINUTE,
      statuses: [418],
    });
    expect(retryPolicy(undefined)).toEqual(DEFAULT_RETRY);
  });

  it('stays within jitter of the wait, and never before it is allowed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 }),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        fc.option(fc.integer({ min: 0, max: 86_400_000 })),
        fc.boolean(),
        fc.integer({ min: 0, max: 86_400_000 }),
        (made, unit, notBefore, unreachable, now) => {
          const verdict = nextAttempt(DEFAULT_RETRY, facts({ made, unit, notBefore, unreachable, now }));
          if (verdict.kind === 'exhausted') return;
          expect(verdict.at).toBeGreaterThanOrEqual(notBefore ?? 0);
          expect(verdict.at).toBeGreaterThan(now);
          if (verdict.lane === 'normal') {
            expect(verdict.at).toBeLessThanOrEqual(DEFAULT_RETRY.within);
            const wait = Math.min(30_000 * 2.2 ** (made - 1), DEFAULT_RETRY.max);
            expect(verdict.at - now).toBeGreaterThanOrEqual(Math.floor(wait * 0.8));
          }
        },
      ),
    );
  });
});
