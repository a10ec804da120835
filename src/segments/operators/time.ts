import type { Json } from '../../kernel/json.js';
import { parseInstant, type Instant } from '../../liquid/instant.js';
import { sameDay, wallDay, type Day } from '../day.js';
import { NEVER, numberOf, sqlText, sqlWhen, type Expected, type InstantOperator, type SqlMoment } from './operator.js';

const DAY_MS = 86_400_000;
const MAX_DAYS = 366_000;

/** Operators whose left side is a moment: an ISO 8601 text, or the time of an event. */
export function isInstantOperator(operator: object): operator is InstantOperator {
  return 'holdsAt' in operator;
}

function timeOperator(parts: Pick<InstantOperator, 'accepts' | 'holdsAt' | 'sqlAt'>): InstantOperator {
  return {
    ...parts,
    holds: (actual, expected, moment) => {
      const instant = typeof actual === 'string' ? parseInstant(actual) : null;
      return instant !== null && parts.holdsAt(instant.at, instant.dateOnly, expected, moment);
    },
    sql: (actual, expected, moment) => {
      const text = sqlText(actual);
      return sqlWhen(
        actual,
        'string',
        parts.sqlAt(`filter_instant(${text})`, `(length(${text}) = 10)`, expected, moment),
      );
    },
  };
}

function instantOf({ value }: Expected): Instant | null {
  return typeof value === 'string' ? parseInstant(value.trim()) : null;
}

const timeNeeded = (value: Json | undefined): string | null =>
  typeof value === 'string' && parseInstant(value) ? null : 'a time is needed, as in 2026-12-24T18:00Z';

const daysNeeded = (value: Json | undefined): string | null =>
  typeof value === 'number' && value >= 0 && value <= MAX_DAYS
    ? null
    : `a number of days from 0 to ${MAX_DAYS} is needed`;

function relation(sign: '<' | '>'): InstantOperator {
  return timeOperator({
    accepts: timeNeeded,
    holdsAt: (at, _dateOnly, expected) => {
      const bound = instantOf(expected);
      return bound !== null && (sign === '<' ? at < bound.at : at > bound.at);
    },
    sqlAt: (at, _dateOnly, expected, { parameters }) => {
      const bound = instantOf(expected);
      return bound === null ? NEVER : `${at} ${sign} ${parameters.add(bound.at, 'bigint')}`;
    },
  });
}

/** `from` and `to` give the window for a number of days; both ends are open but `now` itself. */
function window(
  of: (now: number, ms: number) => { after?: number; from?: number; before?: number; to?: number },
): InstantOperator {
  const limits = (expected: Expected, now: number): ReturnType<typeof of> | null => {
    const days = numberOf(expected);
    return days === null || days < 0 || days > MAX_DAYS ? null : of(now, Math.round(days * DAY_MS));
  };
  return timeOperator({
    accepts: daysNeeded,
    holdsAt: (at, _dateOnly, expected, { now }) => {
      const limit = limits(expected, now);
      if (!limit) return false;
      const { after = -Infinity, from = -Infinity, before = Infinity, to = Infinity } = limit;
      return at > after && at >= from && at < before && at <= to;
    },
    sqlAt: (at, _dateOnly, expected, { now, parameters }) => {
      const limit = limits(expected, now);
      if (!limit) return NEVER;
      const signs = { after: '>', from: '>=', before: '<', to: '<=' } as const;
      const bounds = Object.entries(limit) as [keyof typeof signs, number][];
      return `(${bounds.map(([key, bound]) => `${at} ${signs[key]} ${parameters.add(bound, 'bigint')}`).join(' and ')})`;
    },
  });
}

/** A day of the year to compare with: `MM-DD`, `today`, a time (its day in the profile's zone), or its number, 1–366. */
const MONTH_DAY = /^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;

const dayOfYearIs = timeOperator({
  accepts: (value) => {
    if (typeof value === 'number')
      return Number.isInteger(value) && value >= 1 && value <= 366 ? null : 'the number of a day is 1 to 366';
    const known =
      typeof value === 'string' && (value === 'today' || MONTH_DAY.test(value) || parseInstant(value) !== null);
    return known ? null : 'a day is needed: MM-DD, "today", a date, or its number in the year';
  },
  holdsAt: (at, dateOnly, expected, moment) => {
    const day = wallDay(at, dateOnly, moment);
    const number = numberOf(expected);
    if (number !== null) return day.ofYear === number;
    const text = typeof expected.value === 'string' ? expected.value.trim() : '';
    if (MONTH_DAY.test(text)) return day.month === Number(text.slice(0, 2)) && day.day === Number(text.slice(3));
    const other = text === 'today' ? wallDay(moment.now, false, moment) : dayOf(instantOf(expected), moment);
    return other !== null && sameDay(day, other);
  },
  sqlAt: (at, dateOnly, expected, moment) => {
    const { parameters } = moment;
    const number = numberOf(expected);
    if (number !== null)
      return `extract(doy from ${sqlDay(at, dateOnly, moment)}) = ${parameters.add(String(number), 'numeric')}`;
    const text = typeof expected.value === 'string' ? expected.value.trim() : '';
    if (MONTH_DAY.test(text))
      return `to_char(${sqlDay(at, dateOnly, moment)}::timestamp, 'MM-DD') = ${parameters.add(text, 'text')}`;
    const other = text === 'today' ? { at: moment.now, dateOnly: false } : instantOf(expected);
    if (!other) return NEVER;
    const otherDay = sqlDay(parameters.add(other.at, 'bigint'), String(other.dateOnly), moment);
    return `filter_same_day(${sqlDay(at, dateOnly, moment)}, ${otherDay})`;
  },
});

function dayOf(instant: Instant | null, moment: Parameters<InstantOperator['holdsAt']>[3]): Day | null {
  return instant && wallDay(instant.at, instant.dateOnly, moment);
}

function sqlDay(at: string, dateOnly: string, { zone, companyTimeZone, parameters }: SqlMoment): string {
  return `filter_day(${at}, ${dateOnly}, ${zone}, ${parameters.add(companyTimeZone, 'text')})`;
}

export const timeOperators: Readonly<Record<string, InstantOperator>> = {
  before: relation('<'),
  after: relation('>'),
  less_than_x_days_ago: window((now, ms) => ({ after: now - ms, to: now })),
  greater_than_x_days_ago: window((now, ms) => ({ before: now - ms })),
  less_than_x_days_in_the_future: window((now, ms) => ({ from: now, before: now + ms })),
  greater_than_x_days_in_the_future: window((now, ms) => ({ after: now + ms })),
  day_of_year_is: dayOfYearIs,
};
