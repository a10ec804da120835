import { isTimeZone, parseDateTime, resolveTimeZone, toInstant } from './time.js';

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

describe('local date-times', () => {
  it('are read in the zone', () => {
    expect(iso(toInstant('2026-12-01T09:00', 'Asia/Seoul'))).toBe('2026-12-01T00:00:00.000Z');
    expect(iso(toInstant('2026-12-01T09:00:30.5', 'UTC'))).toBe('2026-12-01T09:00:30.500Z');
    expect(iso(toInstant('2026-12-01', 'Europe/Berlin'))).toBe('2026-11-30T23:00:00.000Z');
  });

  it('with an offset are instants whatever the zone', () => {
    expect(iso(toInstant('2026-12-01T09:00:00+09:00', 'America/New_York'))).toBe('2026-12-01T00:00:00.000Z');
    expect(iso(toInstant('2026-12-01T09:00Z', 'America/New_York'))).toBe('2026-12-01T09:00:00.000Z');
  });

  it('skipped by a switch to summer time come an hour later, those that happen twice are the first', () => {
    expect(iso(toInstant('2026-03-29T02:30', 'Europe/Berlin'))).toBe('2026-03-29T01:30:00.000Z');
    expect(iso(toInstant('2026-10-25T02:30', 'Europe/Berlin'))).toBe('2026-10-25T00:30:00.000Z');
  });

  it.each([
    '2026-02-30T09:00',
    '2026-12-01T25:00',
    '01.12.2026',
    'tomorrow',
    '',
    '2026-12-01T9:00',
    '2026-12-01 09:00',
  ])('refuses %s', (text) => expect(parseDateTime(text)).toBeNull());
});

describe('time zones', () => {
  it('are IANA names', () => {
    expect(['Europe/Berlin', 'UTC', 'America/Argentina/Buenos_Aires'].every(isTimeZone)).toBe(true);
    expect(['user', 'company', 'Mars/Olympus', '+09:00', ''].some(isTimeZone)).toBe(false);
  });

  it("of a profile without a usable one are the company's", () => {
    expect(resolveTimeZone('user', 'Asia/Seoul', 'UTC')).toBe('Asia/Seoul');
    expect(resolveTimeZone('user', undefined, 'Europe/Paris')).toBe('Europe/Paris');
    expect(resolveTimeZone('user', 'Nowhere', 'Europe/Paris')).toBe('Europe/Paris');
    expect(resolveTimeZone('company', 'Asia/Seoul', 'Europe/Paris')).toBe('Europe/Paris');
    expect(resolveTimeZone('Asia/Tokyo', 'Asia/Seoul', 'Europe/Paris')).toBe('Asia/Tokyo');
  });
});
