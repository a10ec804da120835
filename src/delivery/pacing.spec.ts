import fc from 'fast-check';
import { DEFAULT_CIRCUIT, settle } from './circuit.js';
import { circuitRules, hostSettingsSchema, mergeSettings } from './host-settings.js';
import { deferredUntil, INITIAL_HOST, mayKeep, permits, refund, spend, type HostState } from './pacing.js';

const T = 1_000_000_000;
const ask = (host: HostState, settings = {}, over: Partial<{ room: number; inFlight: number; now: number }> = {}) =>
  permits(host, settings, { room: 1000, inFlight: 0, now: T, ...over });

describe('permits', () => {
  it('without limits: what the worker has room for', () => {
    expect(ask(INITIAL_HOST)).toMatchObject({ permits: 1000, notBefore: null });
  });

  it('an open circuit: none before it half-opens', () => {
    const bad = Array.from({ length: 20 }, () => ({ failed: true, startedAt: T }));
    const host = { ...INITIAL_HOST, circuit: settle(INITIAL_HOST.circuit, bad, T, DEFAULT_CIRCUIT) };
    expect(ask(host)).toMatchObject({ permits: 0, notBefore: T + 60_000 });
    expect(ask(host, {}, { now: T + 60_000 })).toMatchObject({ permits: 5 });
    expect(deferredUntil(host, {}, T)).toBe(T + 60_000);
    expect(mayKeep(host, {}, T)).toBe(0);
  });

  it('a configured concurrency counts what all workers hold', () => {
    expect(ask(INITIAL_HOST, { concurrency: 10 }, { inFlight: 7 }).permits).toBe(3);
    expect(ask(INITIAL_HOST, { concurrency: 10 }, { inFlight: 10 })).toMatchObject({ permits: 0, notBefore: T + 250 });
  });

  it('a used-up window gives nothing, and what was claimed in ignorance goes back', () => {
    const host = {
      ...INITIAL_HOST,
      rate: { until: null, window: { limit: 10, remaining: 0, reset: T + 5000 }, aimd: null },
    };
    expect(ask(host)).toMatchObject({ permits: 0, notBefore: T + 5000 });
    expect(mayKeep(host, {}, T)).toBe(0);
    const spread = { ...host, rate: { ...host.rate, window: { limit: 10, remaining: 8, reset: T + 2000 } } };
    expect(mayKeep(spread, {}, T)).toBe(4);
    expect(mayKeep(INITIAL_HOST, {}, T)).toBe(Infinity);
  });

  it('gives back to the window what goes back unsent', () => {
    const host = {
      ...INITIAL_HOST,
      rate: { until: null, window: { limit: 10, remaining: 3, reset: T + 5000 }, aimd: null },
    };
    expect(refund(host, 2).rate.window?.remaining).toBe(5);
  });

  it('a configured rate holds over any time, whoever claims how often', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 20, maxLength: 200 }),
        (perSecond, waits) => {
          let host = INITIAL_HOST;
          let now = T;
          let sent = 0;
          for (const wait of waits) {
            const granted = ask(host, { per_second: perSecond }, { now });
            host = spend(host, granted, { fresh: granted.permits, retries: 0, now });
            sent += granted.permits;
            now += wait;
          }
          // One group ahead, and what may be caught up once.
          const group = Math.max(1, Math.floor(perSecond / 10));
          expect(sent).toBeLessThanOrEqual(((now - T) / 1000) * perSecond + group + perSecond * 0.05 + 1);
        },
      ),
    );
  });

  it('a configured rate is also reached', () => {
    let host = INITIAL_HOST;
    let sent = 0;
    for (let now = T; now < T + 10_000; now += 10) {
      const granted = ask(host, { per_second: 50 }, { now });
      host = spend(host, granted, { fresh: granted.permits, retries: 0, now });
      sent += granted.permits;
    }
    expect(sent).toBeGreaterThan(490);
    expect(sent).toBeLessThanOrEqual(510);
  });

  it('retries get a tenth, also when permits come one by one', () => {
    expect(ask(INITIAL_HOST).retries).toBe(100);
    let host = INITIAL_HOST;
    let retries = 0;
    for (let i = 0; i < 1000; i++) {
      const now = T + i * 1000;
      const granted = ask(host, { per_second: 1 }, { now });
      expect(granted.permits).toBe(1);
      host = spend(host, granted, { fresh: 1 - granted.retries, retries: granted.retries, now });
      retries += granted.retries;
    }
    expect(retries).toBeGreaterThanOrEqual(99);
    expect(retries).toBeLessThanOrEqual(101);
  });
});

describe('settings of a host', () => {
  it('are checked', () => {
    expect(
      hostSettingsSchema.safeParse({
        per_second: 5,
        concurrency: 2,
        circuit: { window: 'PT30S', statuses: [500, '5xx'] },
      }).success,
    ).toBe(true);
    for (const wrong of [
      { per_second: 0 },
      { concurrency: 1.5 },
      { circuit: { window: '30s' } },
      { circuit: { cool_down: 'P1D' } },
      { speed: 1 },
    ]) {
      expect(hostSettingsSchema.safeParse(wrong).success).toBe(false);
    }
  });

  it('merge; null is the default again', () => {
    const settings = mergeSettings(
      { per_second: 5, circuit: { probes: 3, min_requests: 9 } },
      { per_second: null, circuit: { probes: null, window: 'PT10S' } },
    );
    expect(settings).toEqual({ circuit: { min_requests: 9, window: 'PT10S' } });
    expect(circuitRules(settings)).toMatchObject({ minRequests: 9, window: 10_000, probes: 5 });
    expect(mergeSettings(settings, { circuit: null })).toEqual({});
  });
});
