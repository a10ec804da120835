import { localTime } from '../liquid/zone.js';

/** A day as a calendar shows it. */
export interface Day {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  /** 1–366 */
  readonly ofYear: number;
}

interface Zones {
  readonly zone: string | null;
  readonly companyTimeZone: string;
}

/** Names that PostgreSQL and the platform read alike; `filter_day` in the migrations has the same. */
const COMMON_NAME = /^(?:UTC|GMT|[A-Za-z_]+(?:\/[A-Za-z0-9_+-]+)+)$/;

/** The day of a moment in the profile's zone, else the company's; a bare date is that day everywhere. */
export function wallDay(at: number, dateOnly: boolean, { zone, companyTimeZone }: Zones): Day {
  const local = dateOnly
    ? at
    : ((zone !== null && COMMON_NAME.test(zone) ? localTime(zone, at) : null) ?? localTime(companyTimeZone, at) ?? at);
  const date = new Date(local);
  const year = date.getUTCFullYear();
  const start = new Date(0);
  start.setUTCFullYear(year, 0, 1);
  return {
    year,
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    ofYear: Math.floor((local - start.getTime()) / 86_400_000) + 1,
  };
}

/** The same day of the year; who was born on the 29th of February has it on the 1st of March in other years (Braze). */
export function sameDay(day: Day, other: Day): boolean {
  if (day.month === other.month && day.day === other.day) return true;
  return day.month === 2 && day.day === 29 && other.month === 3 && other.day === 1 && !isLeap(other.year);
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}
