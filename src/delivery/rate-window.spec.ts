import fc from 'fast-check';
import { allowance, INITIAL_RATE, observe, spendWindow, tightest, type RateState } from './rate-window.js';
import type { RateReading } from './rate-headers.js';

const reading = (over: Partial<RateReading>): RateReading => ({ retryAfter: null, windows: [], nonsense: [], ...over });
const NOW = 1_000_000;

describe('rate window', () => {
  it('Retry-After: the host takes nothing before then', () => {
    const state = observe(INITIAL_RATE, 503, reading({ retryAfter: NOW + 5000 }), 0, NOW);
    expect(allowance(state, NOW + 4999)).toEqual({ rate: 0, atMost: 0, notBefore: NOW + 5000 });
    expect(allowance(state, NOW + 5000).notBefore).toBeNull();
  });

  it('Retry-After counts on any status, and the later one stays', () => {
    let state = observe(INITIAL_RATE, 200, reading({ retryAfter: NOW + 5000 }), 0, NOW);
    state = observe(state, 429, reading({ retryAfter: NOW + 1000 }), 0, NOW);
    expect(state.until).toBe(NOW + 5000);
  });

  it('at Remaining 0 the host waits until the reset, on success too', () => {
    const state = observe(
      INITIAL_RATE,
      200,
      reading({ windows: [{ limit: 10, remaining: 0, reset: NOW + 9000 }] }),
      0,
      NOW,
    );
    expect(allowance(state, NOW)).toMatchObject({ notBefore: NOW + 9000 });
    expect(allowance(state, NOW + 9000)).toEqual({ rate: Infinity, atMost: Infinity, notBefore: null });
  });

  it('else the rest of the window is spread over the remaining requests', () => {
    const state = observe(
      INITIAL_RATE,
      200,
      reading({ windows: [{ limit: 100, remaining: 20, reset: NOW + 10_000 }] }),
      0,
      NOW,
    );
    expect(allowance(state, NOW)).toEqual({ rate: 2, atMost: 20, notBefore: null });
  });

  it('what is claimed is gone from the window before the host says so', () => {
    let state = observe(
      INITIAL_RATE,
      200,
      reading({ windows: [{ limit: 100, remaining: 20, reset: NOW + 10_000 }] }),
      0,
      NOW,
    );
    state = spendWindow(state, 15, NOW);
    expect(allowance(state, NOW)).toMatchObject({ atMost: 5 });
    state = observe(state, 200, reading({ windows: [{ limit: 100, remaining: 19, reset: NOW + 10_000 }] }), 0, NOW);
    expect(allowance(state, NOW)).toMatchObject({ atMost: 5 });
    state = observe(
      state,
      200,
      reading({ windows: [{ limit: 100, remaining: 99, reset: NOW + 70_000 }] }),
      0,
      NOW + 10_000,
    );
    expect(allowance(state, NOW + 10_000)).toMatchObject({ atMost: 99 });
  });

  it('of several policies the tightest wins', () => {
    const slow = { limit: 1000, remaining: 100, reset: NOW + 1_000_000 };
    const quick = { limit: 10, remaining: 9, reset: NOW + 1000 };
    const empty = { limit: 10, remaining: 0, reset: NOW + 500 };
    expect(tightest([quick, slow], NOW)).toBe(slow);
    expect(tightest([quick, slow, empty], NOW)).toBe(empty);
    expect(tightest([], NOW)).toBeNull();
  });

  describe('a bare 429', () => {
    const bare = (state: RateState, at: number, load = 100) => observe(state, 429, reading({}), load, at);

    it('halves the rate, once for those that were under way together', () => {
      let state = bare(INITIAL_RATE, NOW);
      state = bare(bare(state, NOW + 10), NOW + 20);
      expect(allowance(state, NOW + 20).rate).toBeCloseTo(50, 0);
      state = bare(state, NOW + 1000);
      expect(allowance(state, NOW + 1000).rate).toBeLessThan(30);
    });

    it('recovers additively, and lets go above the rate at which it began', () => {
      const state = bare(INITIAL_RATE, NOW);
      expect(allowance(state, NOW + 4000).rate).toBeCloseTo(50 + 4 * 5, 5);
      expect(allowance(state, NOW + 30_000).rate).toBe(Infinity);
    });

    it('never stops a host for good', () => {
      let state = INITIAL_RATE;
      for (let i = 0; i < 50; i++) state = bare(state, NOW + i * 1000, 1);
      expect(allowance(state, NOW + 50_000).rate).toBeGreaterThanOrEqual(0.1);
    });
  });

  it('is JSON, and never lets more out than a window holds', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ remaining: fc.nat(50), used: fc.nat(10), ahead: fc.integer({ min: 1, max: 60_000 }) }), {
          maxLength: 30,
        }),
        (steps) => {
          let state = INITIAL_RATE;
          let now = NOW;
          for (const { remaining, used, ahead } of steps) {
            state = observe(state, 200, reading({ windows: [{ limit: 50, remaining, reset: now + ahead }] }), 1, now);
            expect(allowance(state, now).atMost).toBeLessThanOrEqual(remaining);
            state = spendWindow(state, used, now);
            expect(JSON.parse(JSON.stringify(state))).toEqual(state);
            now += 500;
          }
        },
      ),
    );
  });
});
