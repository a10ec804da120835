/**
 * Moments as text. The one reading of it that attributes, event properties and Liquid share; `filter_instant` in the
 * migrations reads the same forms in SQL. ISO 8601 and its common variants:
 *
 *     2026-11-24 · 2026-11-24T09:30 · 2026-11-24 09:30:15 · 2026-11-24T09:30:15.250Z · 2026-11-24 09:30:15 +0100 · …:15:250Z
 *
 * Without an offset the text is read as UTC, a bare date as midnight (Braze, /users/track).
 */
const PATTERN =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,:](\d{1,9}))?)?(?: ?(Z|[+-]\d{2}(?::?\d{2})?))?)?$/;

export interface Instant {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Minutes east of UTC as written; 0 when nothing is written. */
  readonly offset: number;
  /** A date without a time of day. */
  readonly dateOnly: boolean;
}

export function parseInstant(text: string): Instant | null {
  const match = PATTERN.exec(text);
  if (!match) return null;
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  const [y, m, d] = [Number(year), Number(month), Number(day)];
  const [h, min, s] = [Number(hour ?? 0), Number(minute ?? 0), Number(second ?? 0)];
  if (y < 1 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) || h > 23 || min > 59 || s > 59) return null;
  const offset = offsetOf(zone);
  if (offset === null) return null;
  const date = new Date(0);
  date.setUTCFullYear(y, m - 1, d);
  date.setUTCHours(h, min, s, Number((fraction ?? '').padEnd(3, '0').slice(0, 3)));
  return { at: date.getTime() - offset * 60_000, offset, dateOnly: hour === undefined };
}

export function daysIn(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 ? (leap ? 29 : 28) : month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function offsetOf(zone: string | undefined): number | null {
  if (zone === undefined || zone === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', '') || 0);
  if (hours > 15 || minutes > 59) return null;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}
