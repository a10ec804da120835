/**
 * Ruby's `strftime`, which Liquid's `date` filter promises, on a moment and an offset: no locale, no zone of the machine.
 */
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January', 'February', 'March', 'April', 'May', 'June',
  'July', 'August', 'September', 'October', 'November', 'December',
]; // prettier-ignore

interface Moment {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Minutes east of UTC. */
  readonly offset: number;
  /** The same moment shifted by the offset, to be read with the UTC getters. */
  readonly local: Date;
}

type Directive = readonly [read: (moment: Moment) => string | number, width?: number, pad?: ' ' | '0'];

const hour12 = (m: Moment): number => m.local.getUTCHours() % 12 || 12;
const dayOfYear = (m: Moment): number =>
  Math.floor(
    (Date.UTC(m.local.getUTCFullYear(), m.local.getUTCMonth(), m.local.getUTCDate()) -
      Date.UTC(m.local.getUTCFullYear(), 0, 1)) /
      86_400_000,
  ) + 1;
const weekOfYear = (m: Moment, firstDay: number): number =>
  Math.floor((dayOfYear(m) - 1 - ((m.local.getUTCDay() - firstDay + 7) % 7) + 7) / 7);

/** ISO 8601: the week belongs to the year that has its Thursday. */
function isoWeek(m: Moment): { year: number; week: number } {
  const thursday = new Date(m.local.getTime());
  thursday.setUTCDate(thursday.getUTCDate() + 4 - (thursday.getUTCDay() || 7));
  const year = thursday.getUTCFullYear();
  return { year, week: Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / 604_800_000) + 1 };
}

function offsetText(m: Moment, separator: string): string {
  const minutes = Math.abs(m.offset);
  return `${m.offset < 0 ? '-' : '+'}${String(Math.floor(minutes / 60)).padStart(2, '0')}${separator}${String(minutes % 60).padStart(2, '0')}`;
}

const DIRECTIVES: Readonly<Record<string, Directive>> = {
  Y: [(m) => m.local.getUTCFullYear(), 4, '0'],
  C: [(m) => Math.floor(m.local.getUTCFullYear() / 100), 2, '0'],
  y: [(m) => ((m.local.getUTCFullYear() % 100) + 100) % 100, 2, '0'],
  m: [(m) => m.local.getUTCMonth() + 1, 2, '0'],
  B: [(m) => MONTHS[m.local.getUTCMonth()]!, 0, ' '],
  b: [(m) => MONTHS[m.local.getUTCMonth()]!.slice(0, 3), 0, ' '],
  h: [(m) => MONTHS[m.local.getUTCMonth()]!.slice(0, 3), 0, ' '],
  d: [(m) => m.local.getUTCDate(), 2, '0'],
  e: [(m) => m.local.getUTCDate(), 2, ' '],
  j: [dayOfYear, 3, '0'],
  H: [(m) => m.local.getUTCHours(), 2, '0'],
  k: [(m) => m.local.getUTCHours(), 2, ' '],
  I: [hour12, 2, '0'],
  l: [hour12, 2, ' '],
  M: [(m) => m.local.getUTCMinutes(), 2, '0'],
  S: [(m) => m.local.getUTCSeconds(), 2, '0'],
  L: [(m) => String(m.local.getUTCMilliseconds()).padStart(3, '0'), 3, '0'],
  p: [(m) => (m.local.getUTCHours() < 12 ? 'AM' : 'PM'), 0, ' '],
  P: [(m) => (m.local.getUTCHours() < 12 ? 'am' : 'pm'), 0, ' '],
  A: [(m) => DAYS[m.local.getUTCDay()]!, 0, ' '],
  a: [(m) => DAYS[m.local.getUTCDay()]!.slice(0, 3), 0, ' '],
  u: [(m) => m.local.getUTCDay() || 7],
  w: [(m) => m.local.getUTCDay()],
  U: [(m) => weekOfYear(m, 0), 2, '0'],
  W: [(m) => weekOfYear(m, 1), 2, '0'],
  V: [(m) => isoWeek(m).week, 2, '0'],
  G: [(m) => isoWeek(m).year, 4, '0'],
  s: [(m) => Math.floor(m.at / 1000)],
  Z: [(m) => (m.offset === 0 ? 'UTC' : offsetText(m, '')), 0, ' '],
  n: [() => '\n'],
  t: [() => '\t'],
  '%': [() => '%'],
};

const COMPOSED: Readonly<Record<string, string>> = {
  c: '%a %b %e %H:%M:%S %Y',
  D: '%m/%d/%y',
  F: '%Y-%m-%d',
  r: '%I:%M:%S %p',
  R: '%H:%M',
  T: '%H:%M:%S',
  v: '%e-%^b-%Y',
  x: '%m/%d/%y',
  X: '%H:%M:%S',
};

const DIRECTIVE = /%([-_0^#:]*)(\d{0,3})[EO]?(.)/gsu;

/** Formats a moment (epoch milliseconds) as seen `offset` minutes east of UTC. An unknown directive stays as it is. */
export function strftime(at: number, offset: number, format: string): string {
  return write({ at, offset, local: new Date(at + offset * 60_000) }, format);
}

function write(moment: Moment, format: string): string {
  return format.replace(DIRECTIVE, (whole, flags: string, width: string, letter: string) => {
    if (letter === 'z') return offsetText(moment, flags.includes(':') ? ':' : '');
    if (letter === 'N') {
      const digits = Number(width) || 9;
      return String(moment.local.getUTCMilliseconds()).padStart(3, '0').slice(0, digits).padEnd(digits, '0');
    }
    const composed = Object.hasOwn(COMPOSED, letter) ? write(moment, COMPOSED[letter]!) : undefined;
    const directive = Object.hasOwn(DIRECTIVES, letter) ? DIRECTIVES[letter] : undefined;
    if (composed === undefined && !directive) return whole;
    return shape(composed ?? String(directive![0](moment)), flags, width, directive);
  });
}

function shape(text: string, flags: string, width: string, directive: Directive | undefined): string {
  const cased = flags.includes('^') ? text.toUpperCase() : flags.includes('#') ? swapCase(text) : text;
  if (flags.includes('-') && width === '')
    return directive?.[2] === undefined ? cased : cased.replace(/^[0 ]+(?=.)/, '');
  const pad = flags.includes('_') ? ' ' : flags.includes('0') ? '0' : (directive?.[2] ?? '0');
  return cased.padStart(Number(width) || directive?.[1] || 0, pad);
}

function swapCase(text: string): string {
  return /[a-z]/.test(text) ? text.toUpperCase() : text.toLowerCase();
}
