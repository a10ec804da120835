import { readRateHeaders, readTime } from './rate-headers.js';

const NOW = Date.UTC(2026, 10, 24, 12, 0, 0);
const read = (headers: Record<string, string | string[]>) => readRateHeaders(headers, NOW);

describe('Retry-After', () => {
  it('is seconds or an HTTP date', () => {
    expect(read({ 'retry-after': '120' }).retryAfter).toBe(NOW + 120_000);
    expect(read({ 'retry-after': 'Tue, 24 Nov 2026 12:05:00 GMT' }).retryAfter).toBe(NOW + 300_000);
    expect(read({ 'retry-after': 'Tuesday, 24-Nov-26 12:05:00 GMT' }).retryAfter).toBe(NOW + 300_000);
  });

  it.each(['soon', '-5', '', '99999999', 'Tue, 99 Nov 2026', '12 parsecs'])(
    '%p is nonsense: ignored, and said',
    (value) => {
      const { retryAfter, nonsense } = read({ 'retry-after': value });
      expect(retryAfter).toBeNull();
      expect(nonsense).toEqual([`retry-after: ${value}`]);
    },
  );
});

describe('a reset is told apart by magnitude', () => {
  const at = NOW + 60_000;
  it.each([
    ['delta seconds', '60'],
    ['delta seconds with a fraction', '60.0'],
    ['epoch seconds', String(at / 1000)],
    ['epoch milliseconds', String(at)],
    ['an HTTP date', new Date(at).toUTCString()],
    ['an ISO date', new Date(at).toISOString()],
  ])('%s', (_name, value) => expect(readTime(value, NOW)).toBe(at));

  it('a year away is nonsense', () => expect(readTime(String(NOW + 366 * 86_400_000), NOW)).toBeNull());
});

describe('the three families', () => {
  it.each(['x-rate-limit-', 'x-ratelimit-', 'ratelimit-'])('%s*', (family) => {
    expect(read({ [`${family}limit`]: '100', [`${family}remaining`]: '42', [`${family}reset`]: '30' }).windows).toEqual(
      [{ limit: 100, remaining: 42, reset: NOW + 30_000 }],
    );
  });

  it('take the first of a list', () => {
    expect(
      read({ 'ratelimit-limit': '100, 100;w=60', 'ratelimit-remaining': '5', 'ratelimit-reset': '30, 60' }).windows,
    ).toEqual([{ limit: 100, remaining: 5, reset: NOW + 30_000 }]);
  });

  it('do without a limit, not without the rest', () => {
    expect(read({ 'x-ratelimit-remaining': '5', 'x-ratelimit-reset': '30' }).windows).toHaveLength(1);
    expect(read({ 'x-ratelimit-limit': '5', 'x-ratelimit-reset': '30' }).windows).toEqual([]);
  });

  it('say nothing of a window that is over', () => {
    const { windows, nonsense } = read({ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW / 1000 - 5) });
    expect({ windows, nonsense }).toEqual({ windows: [], nonsense: [] });
  });

  it('name what makes no sense', () => {
    const { windows, nonsense } = read({ 'x-ratelimit-remaining': 'many', 'x-ratelimit-reset': 'later' });
    expect(windows).toEqual([]);
    expect(nonsense).toEqual(['x-ratelimit-remaining: many', 'x-ratelimit-reset: later']);
  });
});

describe('the IETF fields', () => {
  it('several policies', () => {
    expect(
      read({
        'ratelimit-policy': '"burst";q=100;w=60, "daily";q=1000;w=86400',
        ratelimit: '"burst";r=50;t=30, "daily";r=0;t=3600',
      }).windows,
    ).toEqual([
      { limit: 100, remaining: 50, reset: NOW + 30_000 },
      { limit: 1000, remaining: 0, reset: NOW + 3_600_000 },
    ]);
  });

  it('without t the policy’s window is the longest it can take', () => {
    expect(read({ 'ratelimit-policy': '"a";q=10;w=60', ratelimit: '"a";r=3' }).windows).toEqual([
      { limit: 10, remaining: 3, reset: NOW + 60_000 },
    ]);
  });

  it('quota of other units than requests does not concern us', () => {
    expect(
      read({ 'ratelimit-policy': '"a";q=1000;w=60;qu="content-bytes"', ratelimit: '"a";r=0;t=30' }).windows,
    ).toEqual([]);
  });

  it('the dictionary of older drafts', () => {
    expect(read({ ratelimit: 'limit=10, remaining=3, reset=20', 'ratelimit-policy': '10;w=60' }).windows).toEqual([
      { limit: 10, remaining: 3, reset: NOW + 20_000 },
    ]);
  });

  it.each(['"a";r', ';;;', '"a";t=5', 'limit=x'])('%p is nonsense', (value) => {
    const { windows, nonsense } = read({ ratelimit: value });
    expect(windows).toEqual([]);
    expect(nonsense).toEqual([`ratelimit: ${value}`]);
  });
});

it('no such headers, nothing said', () => {
  expect(read({ 'content-type': 'text/plain', date: 'now' })).toEqual({ retryAfter: null, windows: [], nonsense: [] });
});
