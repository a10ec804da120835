import { outcomeOf, type TransportCause } from './outcome.js';

const answer = (status: number) => ({ kind: 'response', status, headers: {} }) as const;

describe('outcome of an attempt', () => {
  it.each([200, 201, 202, 204, 226, 299])('%i is delivered', (status) => {
    expect(outcomeOf(answer(status))).toEqual({ kind: 'delivered', status });
  });

  it.each([408, 429, 500, 502, 503, 504, 529, 599])('%i is tried again', (status) => {
    expect(outcomeOf(answer(status))).toEqual({ kind: 'retry', status, reason: `http_${status}`, unreachable: false });
  });

  it.each([300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 409, 418, 422, 451])('%i fails at once', (status) => {
    expect(outcomeOf(answer(status))).toEqual({ kind: 'failed', status, reason: `http_${status}`, gone: false });
  });

  it('410 fails at once and warns of the host', () => {
    expect(outcomeOf(answer(410))).toMatchObject({ kind: 'failed', gone: true });
  });

  it('takes the step’s own statuses instead', () => {
    expect(outcomeOf(answer(404), [404])).toMatchObject({ kind: 'retry' });
    expect(outcomeOf(answer(500), [404])).toMatchObject({ kind: 'failed', status: 500 });
    expect(outcomeOf(answer(451), ['4xx'])).toMatchObject({ kind: 'retry' });
  });

  it('never repeats what was delivered, whatever the step lists', () => {
    expect(outcomeOf(answer(200), [200])).toEqual({ kind: 'delivered', status: 200 });
  });

  it.each<[TransportCause, boolean]>([
    ['connect_refused', true],
    ['connect_timed_out', true],
    ['dns_failed', true],
    ['tls_failed', true],
    ['unreachable', true],
    ['reset', false],
    ['timed_out', false],
    ['protocol_error', false],
  ])('%s is logged as 599 and tried again; never reached: %s', (cause, unreachable) => {
    expect(outcomeOf({ kind: 'error', cause, message: 'x' })).toEqual({
      kind: 'retry',
      status: 599,
      reason: cause,
      unreachable,
    });
  });

  it('a blocked address fails at once', () => {
    expect(outcomeOf({ kind: 'blocked', message: 'x' })).toEqual({
      kind: 'failed',
      status: null,
      reason: 'egress_blocked',
      gone: false,
    });
  });
});
