/**
 * Wall-clock time. A local date-time becomes an instant with disambiguation `compatible` (RFC 5545's choice): a time
 * that a switch to summer time skips is read with the offset before the gap, so an hour later; a time that happens twice
 * is the first one.
 */
import { Temporal } from 'temporal-polyfill';

const DATE_TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/;
const zones = new Map<string, boolean>();
const REMEMBERED_ZONES = 2_000;

export type DateTime =
  | { readonly kind: 'local'; readonly local: Temporal.PlainDateTime; readonly dateOnly: boolean }
  | { readonly kind: 'instant'; readonly at: number };

/** Reads `2026-12-01`, `2026-12-01T09:00[:SS[.fff]]` with or without `Z` or an offset; `null` when it is none of them. */
export function parseDateTime(text: string): DateTime | null {
  const match = DATE_TIME.exec(text);
  if (!match) return null;
  try {
    if (match[1]) return { kind: 'instant', at: Temporal.Instant.from(text).epochMilliseconds };
    return { kind: 'local', local: Temporal.PlainDateTime.from(text), dateOnly: text.length === 10 };
  } catch {
    return null;
  }
}

/** Epoch milliseconds of a wall-clock time in a zone. */
export function instantOf(local: Temporal.PlainDateTime, zone: string): number {
  return local.toZonedDateTime(zone, { disambiguation: 'compatible' }).epochMilliseconds;
}

/** Epoch milliseconds of a date-time text, read in `zone` when it has no offset; `null` when it is not one. */
export function toInstant(text: string, zone: string): number | null {
  const parsed = parseDateTime(text);
  if (!parsed) return null;
  return parsed.kind === 'instant' ? parsed.at : instantOf(parsed.local, zone);
}

export function localTimeOf(at: number, zone: string): Temporal.PlainDateTime {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).toPlainDateTime();
}

export function isTimeZone(name: string): boolean {
  const known = zones.get(name);
  if (known !== undefined) return known;
  let valid = /^[A-Za-z]/.test(name);
  if (valid) {
    try {
      new Intl.DateTimeFormat('en', { timeZone: name });
    } catch {
      valid = false;
    }
  }
  if (zones.size < REMEMBERED_ZONES) zones.set(name, valid);
  return valid;
}

/** What `"company"`, `"user"` or an IANA name means here. A profile without a usable zone has the company's. */
export function resolveTimeZone(zone: string, profileZone: unknown, companyZone: string): string {
  if (zone === 'company') return companyZone;
  if (zone !== 'user') return zone;
  return typeof profileZone === 'string' && isTimeZone(profileZone) ? profileZone : companyZone;
}
