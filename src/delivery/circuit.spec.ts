import fc from 'fast-check';
import {
  circuitAllowance,
  circuitAt,
  circuitCounts,
  DEFAULT_CIRCUIT,
  INITIAL_CIRCUIT,
  isHostFailure,
  refundCircuit,
  settle,
  spendCircuit,
  type CircuitState,
} from './circuit.js';

const T = 1_000_000_000;
const results = (good: number, bad: number, startedAt: number) => [
  ...Array.from({ length: good }, () => ({ failed: false, startedAt })),
  ...Array.from({ length: bad }, () => ({ failed: true, startedAt })),
];
const after = (good: number, bad: number, at = T, state: CircuitState = INITIAL_CIRCUIT) =>
  settle(state, results(good, bad, at), at, DEFAULT_CIRCUIT);

describe('closed', () => {
  it('opens when of at least 20 requests the majority failed', () => {
    expect(after(9, 11).state).toBe('open');
    expect(after(10, 10).state).toBe('closed');
    expect(after(0, 19).state).toBe('closed');
    expect(after(0, 20).state).toBe('open');
  });

  it('opens when more than 3,000 failed, whatever the share', () => {
    expect(after(100_000, 3000).state).toBe('closed');
    expect(after(100_000, 3001).state).toBe('open');
  });

  it('forgets what is older than 60 s', () => {
    const state = after(0, 15, T);
    expect(after(0, 15, T + 30_000, state).state).toBe('open');
    expect(after(0, 15, T + 61_000, state).state).toBe('closed');
  });

  it('counts 408, 429, 502, 503, 504, 529 and no answer; not 500 nor 404 nor a blocked address', () => {
    const of = (status: number) => isHostFailure({ kind: 'response', status, headers: {} }, DEFAULT_CIRCUIT);
    expect([408, 429, 502, 503, 504, 529].map(of)).toEqual(Array(6).fill(true));
    expect([200, 301, 404, 410, 500, 501].map(of)).toEqual(Array(6).fill(false));
    expect(isHostFailure({ kind: 'error', cause: 'timed_out', message: '' }, DEFAULT_CIRCUIT)).toBe(true);
    expect(isHostFailure({ kind: 'blocked', message: '' }, DEFAULT_CIRCUIT)).toBeNull();
  });
});

describe('open and half-open', () => {
  const open = after(0, 20);

  it('defers everything for the cool-down', () => {
    expect(circuitAllowance(open, T + 59_999, DEFAULT_CIRCUIT)).toMatchObject({ atMost: 0, notBefore: T + 60_000 });
  });

  it('ignores what was under way when it opened', () => {
    expect(settle(open, results(50, 0, T - 1), T + 1000, DEFAULT_CIRCUIT)).toEqual(open);
    const half = circuitAt(open, T + 60_000);
    expect(settle(half, results(5, 0, T - 1), T + 60_001, DEFAULT_CIRCUIT)).toEqual(half);
  });

  it('lets out five probes and no more', () => {
    let state = circuitAt(open, T + 60_000);
    expect(circuitAllowance(state, T + 60_000, DEFAULT_CIRCUIT).atMost).toBe(5);
    state = spendCircuit(state, 3, T + 60_000);
    expect(circuitAllowance(state, T + 60_000, DEFAULT_CIRCUIT).atMost).toBe(2);
    state = spendCircuit(state, 2, T + 60_000);
    expect(circuitAllowance(state, T + 60_000, DEFAULT_CIRCUIT)).toMatchObject({ atMost: 0, notBefore: T + 180_000 });
  });

  it('closes when the majority of the probes is good', () => {
    const state = spendCircuit(circuitAt(open, T + 60_000), 5, T + 60_000);
    expect(settle(state, results(2, 2, T + 60_000), T + 61_000, DEFAULT_CIRCUIT).state).toBe('half_open');
    expect(settle(state, results(3, 2, T + 60_000), T + 61_000, DEFAULT_CIRCUIT)).toEqual({
      state: 'closed',
      buckets: [],
      closedAt: T + 61_000,
    });
  });

  it('else opens again, the cool-down doubled up to 15 minutes', () => {
    let state: CircuitState = open;
    let now = T;
    const coolDowns: number[] = [];
    for (let i = 0; i < 6; i++) {
      if (state.state !== 'open') throw new Error(state.state);
      now = state.until;
      state = spendCircuit(state, 5, now);
      state = settle(state, results(2, 3, now), now, DEFAULT_CIRCUIT);
      if (state.state === 'open') coolDowns.push(state.until - now);
    }
    expect(coolDowns).toEqual([120_000, 240_000, 480_000, 900_000, 900_000, 900_000]);
  });

  it('grants the probes of a worker that died again, after two minutes', () => {
    const state = spendCircuit(circuitAt(open, T + 60_000), 5, T + 60_000);
    expect(circuitAllowance(state, T + 180_000, DEFAULT_CIRCUIT).atMost).toBe(5);
  });

  it('a probe that was not made is not a probe', () => {
    const state = spendCircuit(circuitAt(open, T + 60_000), 5, T + 60_000);
    expect(circuitAllowance(refundCircuit(state, 2), T + 60_000, DEFAULT_CIRCUIT).atMost).toBe(2);
  });

  it('ramps the rate up after closing', () => {
    const closed: CircuitState = { state: 'closed', buckets: [], closedAt: T };
    const rates = [0, 1000, 3000, 12_000].map((ms) => circuitAllowance(closed, T + ms, DEFAULT_CIRCUIT).rate);
    expect(rates).toEqual([10, 20, 80, Infinity]);
  });
});

it('keeps to the window’s counts, stays small, and is JSON', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ good: fc.nat(5), bad: fc.nat(1), wait: fc.nat(9000) }), { maxLength: 100 }),
      (steps) => {
        let state: CircuitState = INITIAL_CIRCUIT;
        let now = T;
        const log: [number, number, number][] = [];
        for (const { good, bad, wait } of steps) {
          now += wait;
          state = after(good, bad, now, state);
          if (state.state !== 'closed') return;
          log.push([now, good + bad, bad]);
          const { requests, failures } = circuitCounts(state, now, 60_000);
          const exact = (from: number, i: 1 | 2) =>
            log.filter(([at]) => at > now - from).reduce((n, entry) => n + entry[i], 0);
          // A bucket is five seconds wide: the window is exact to one.
          expect(requests).toBeLessThanOrEqual(exact(60_001, 1));
          expect(requests).toBeGreaterThanOrEqual(exact(54_999, 1));
          expect(failures).toBeLessThanOrEqual(exact(60_001, 2));
          expect(state.buckets.length).toBeLessThanOrEqual(13);
          expect(JSON.parse(JSON.stringify(state))).toEqual(state);
        }
      },
    ),
  );
});
