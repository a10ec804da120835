/**
 * The date formats Braze takes in `/users/track` (user attributes object): ISO 8601, `yyyy-MM-ddTHH:mm:ss:SSSZ`,
 * `yyyy-MM-ddTHH:mm:ss`, `yyyy-MM-dd HH:mm:ss`, `yyyy-MM-dd`, `MM/dd/yyyy`, `ddd MM dd HH:mm:ss.TZD YYYY`. A date without
 * a zone is UTC, one without a time is midnight. Pure.
 */
const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,:](\d{1,9}))?)?\s?(Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?$/;
const AMERICAN = /^(\d\d?)\/(\d\d?)\/(\d{4})$/;
const WEEKDAY_FIRST =
  /^(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat) ([A-Z][a-z]{2}|\d\d?) (\d\d?) (\d\d):(\d\d):(\d\d)[. ](Z|UTC|GMT|[+-]\d\d:?\d\d) (\d{4})$/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAY_MS = 86_400_000;
const LAST_YEAR = 3000;

/** Epoch milliseconds of a date text, or `null` when it is not one (or lies after the year 3000). */
export function parseDate(text: string): number | null {
  const iso = ISO.exec(text);
  if (iso) {
    return instant(
      Number(iso[1]),
      Number(iso[2]),
      Number(iso[3]),
      Number(iso[4] ?? 0),
      Number(iso[5] ?? 0),
      Number(iso[6] ?? 0),
      iso[7] === undefined ? 0 : Math.floor(Number(`0.${iso[7]}`) * 1000 + 1e-6),
      iso[8],
    );
  }
  const american = AMERICAN.exec(text);
  if (american) return instant(Number(american[3]), Number(american[1]), Number(american[2]), 0, 0, 0, 0, undefined);
  const worded = WEEKDAY_FIRST.exec(text);
  if (!worded) return null;
  const month = /^\d/.test(worded[1]!) ? Number(worded[1]) : MONTHS.indexOf(worded[1]!) + 1;
  return instant(
    Number(worded[7]),
    month,
    Number(worded[2]),
    Number(worded[3]),
    Number(worded[4]),
    Number(worded[5]),
    0,
    worded[6],
  );
}

/** Whether a text has the shape of a date whose year is out of range: such a one is kept as the string it is. */
export function isDateOutOfRange(text: string): boolean {
  const year = /^(-?\d{4,6})-\d\d-\d\d(?:[T ]|$)/.exec(text)?.[1] ?? /^\d\d?\/\d\d?\/(\d{4,6})$/.exec(text)?.[1];
  return year !== undefined && (Number(year) < 0 || Number(year) > LAST_YEAR);
}

/** `YYYY-MM-DD` of a real calendar day → its midnight in UTC, epoch milliseconds; anything else → `null`. */
export function parseDay(text: string): number | null {
  return /^\d{4}-\d\d-\d\d$/.test(text) ? parseDate(text) : null;
}

/** The UTC day of an instant, `YYYY-MM-DD`. */
export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function instant(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  ms: number,
  zone: string | undefined,
): number | null {
  if (year > LAST_YEAR || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null;
  const midnightAfter = hour === 24 && minute === 0 && second === 0 && ms === 0;
  // Second 60 is a leap second; it reads as the first of the next minute.
  if ((hour > 23 && !midnightAfter) || minute > 59 || second > 60) return null;
  const offset = offsetMs(zone);
  if (offset === null) return null;
  const days = year < 100 ? new Date(0).setUTCFullYear(year, month - 1, day) : Date.UTC(year, month - 1, day);
  return days + hour * 3_600_000 + minute * 60_000 + second * 1000 + ms - offset;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function offsetMs(zone: string | undefined): number | null {
  if (zone === undefined || !/^[+-]/.test(zone)) return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', '') || 0);
  const ms = hours * 3_600_000 + minutes * 60_000;
  return minutes > 59 || ms > DAY_MS ? null : zone.startsWith('-') ? -ms : ms;
}
