import { isJsonObject, jsonEquals, type Json } from '../../kernel/json.js';
import type { Parameters } from '../parameters.js';

/** The right-hand side of a comparison, ready. */
export interface Expected {
  readonly value: Json | undefined;
  /** It came out of a template as text, and so stands for a number or a boolean as well as for itself. */
  readonly rendered: boolean;
}

/** What a comparison knows besides its two sides. */
export interface Moment {
  /** Epoch milliseconds. */
  readonly now: number;
  /** The profile's time zone (IANA), or `null`. */
  readonly zone: string | null;
  readonly companyTimeZone: string;
}

/** An SQL expression of the profile's zone and what `Moment` is in SQL. */
export interface SqlMoment {
  readonly now: number;
  /** Text expression; may be null. */
  readonly zone: string;
  readonly companyTimeZone: string;
  readonly parameters: Parameters;
}

/**
 * One comparison, twice: in memory and as SQL. The two must agree on every value; `test/db/filter-equivalence.spec.ts`
 * holds them to it. A value that is absent or null never reaches `holds`: nothing is true of it but `does_not_exist`.
 */
export interface Operator {
  /** Says what a literal right-hand side must be when it is not; `null`: it may stand. */
  accepts(value: Json | undefined): string | null;
  holds(actual: Json, expected: Expected, moment: Moment): boolean;
  /** A boolean expression over a jsonb expression, null where `actual` is of another type; `null`: has no SQL. */
  sql(actual: string, expected: Expected, moment: SqlMoment): string | null;
}

/** A comparison that only looks at the time it is given, for values that are moments to begin with (epoch milliseconds). */
export interface InstantOperator extends Operator {
  holdsAt(at: number, dateOnly: boolean, expected: Expected, moment: Moment): boolean;
  /** Over a bigint expression of epoch milliseconds and a boolean one: it is a date without a time. */
  sqlAt(at: string, dateOnly: string, expected: Expected, moment: SqlMoment): string;
}

export type OperatorGroup = Readonly<Record<string, Operator>>;

export const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/;

/** What an expected value may stand for: itself, and for a rendered text the number or boolean it spells. */
export function meanings({ value, rendered }: Expected): readonly Json[] {
  if (value === undefined || value === null) return [];
  if (!rendered || typeof value !== 'string') return [value];
  const text = value.trim();
  if (text === 'true' || text === 'false') return [value, text === 'true'];
  return NUMBER.test(text) && Number.isFinite(Number(text)) ? [value, Number(text)] : [value];
}

/** The same for each element of an expected list. */
export function listMeanings({ value, rendered }: Expected): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]).flatMap((item) => meanings({ value: item, rendered })) : [];
}

/** `number`, `string`, `boolean`, `array`, `object` or `null`: what PostgreSQL's jsonb_typeof says. */
export function typeOf(value: Json): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
}

export function isOneOf(actual: Json, values: readonly Json[]): boolean {
  return values.some((value) => jsonEquals(actual, value));
}

/** PostgreSQL's jsonb and text hold neither U+0000 nor half a character: nothing stored equals such a value. */
export function isStorable(value: Json): boolean {
  if (typeof value === 'string') return !value.includes('\0') && !/[\ud800-\udfff]/u.test(value);
  if (Array.isArray(value)) return (value as readonly Json[]).every(isStorable);
  if (isJsonObject(value)) return Object.entries(value).every(([key, inner]) => isStorable(key) && isStorable(inner));
  return typeof value !== 'number' || Number.isFinite(value);
}

export function numberOf({ value, rendered }: Expected): number | null {
  if (typeof value === 'number') return value;
  const text = rendered && typeof value === 'string' ? value.trim() : '';
  return NUMBER.test(text) && Number.isFinite(Number(text)) ? Number(text) : null;
}

/** Text of a jsonb string expression. */
export function sqlText(actual: string): string {
  return `(${actual} #>> '{}')`;
}

/** Evaluates `then` for values of one JSON type only, so that no cast ever meets another. */
export function sqlWhen(actual: string, type: string, then: string): string {
  return `case when jsonb_typeof(${actual}) = '${type}' then ${then} end`;
}

export const NEVER = 'false';
