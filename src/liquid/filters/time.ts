import { parseInstant } from '../instant.js';
import { strftime } from '../strftime.js';
import { zoneOffset } from '../zone.js';
import { plainText, scopeOf, textOf, type FilterGroup, type FilterThis } from './filter.js';

/** A moment and the offset it is to be seen at. */
interface Seen {
  readonly at: number;
  readonly offset: number;
}

/** `now`, seconds since 1970, or a text; a text keeps the offset it was written with (as Ruby's Time does), else UTC. */
function momentOf(filter: FilterThis, value: unknown): Seen | null {
  if (typeof value === 'number') return withinRange({ at: value * 1000, offset: 0 });
  const text = textOf(filter, value).trim();
  if (text === 'now' || text === 'today') return { at: scopeOf(filter).now, offset: 0 };
  if (/^\d+$/.test(text)) return withinRange({ at: Number(text) * 1000, offset: 0 });
  const instant = parseInstant(text);
  if (instant) return instant;
  // Other spellings (`12/24/2026`, `Nov 24 2026`) as UTC: a date of Date.parse is in the machine's zone when none is written.
  if (/^\d{4}-/.test(text) || text.length > 64 || !/^[A-Za-z0-9 ,/:.+-]+$/.test(text) || !/\d/.test(text)) return null;
  const zoned = /(?:Z|GMT|UTC|[+-]\d{2}:?\d{2})$/i.test(text);
  const at = Date.parse(zoned ? text : `${text} UTC`);
  return Number.isNaN(at) ? null : { at, offset: 0 };
}

function withinRange(seen: Seen): Seen | null {
  return Math.abs(seen.at) <= 8.64e15 - 86_400_000 ? seen : null;
}

export const timeFilters: FilterGroup = {
  /** Formats by strftime. What is no moment stays as it is. */
  date(value, format) {
    if (value === null || value === undefined) return value;
    const moment = momentOf(this, value);
    const pattern = plainText(format);
    if (!moment || pattern === '') return value;
    const text = strftime(moment.at, moment.offset, pattern);
    this.context.memoryLimit.use(text.length);
    return text;
  },
  /** The same moment as seen in a zone; without a known zone, in the company's. Prints as `2026-11-24 09:30:15 +0100`. */
  time_zone(value, zone) {
    if (value === null || value === undefined) return value;
    const moment = momentOf(this, value);
    if (!moment) return value;
    const offset =
      zoneOffset(plainText(zone), moment.at) ?? zoneOffset(scopeOf(this).subject.companyTimeZone, moment.at) ?? 0;
    return strftime(moment.at, offset, '%Y-%m-%d %H:%M:%S %z');
  },
};
