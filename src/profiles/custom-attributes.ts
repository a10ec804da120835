/**
 * Custom attributes of `/users/track`: plain values, and the operators `inc`, `add`, `remove`, `$add`, `$remove`,
 * `$update`, `$time` (Braze, "user attributes object"). Pure.
 */
import { isJsonObject, jsonBytes, jsonEquals, type Json, type JsonObject } from '../kernel/json.js';
import { isDateOutOfRange, parseDate } from './dates.js';

/** `value: undefined` removes the attribute; a problem leaves it as it is. */
export type CustomOutcome = { readonly value: Json | undefined } | { readonly problem: string };

export interface CustomOptions {
  /** Elements an array of plain values may have; the oldest are dropped. Braze: 25 by default. */
  readonly arrayLimit: number;
  /** `_merge_objects`: nested objects are merged key by key instead of replaced. */
  readonly mergeObjects: boolean;
}

/** Of one attribute, as JSON. */
export const MAX_VALUE_BYTES = 100 * 1024;
const MAX_NAME = 255;
const MAX_DEPTH = 32;

/** What is wrong with a custom attribute's name, or `null`. */
export function nameProblem(name: string): string | null {
  if (name === '') return 'must have a name';
  if (name.length > MAX_NAME) return `must have a name of at most ${MAX_NAME} characters`;
  if (name.startsWith('$') || name === '__proto__')
    return "must not have a name that starts with '$' or is '__proto__'";
  return null;
}

/** What a custom attribute becomes when `value` is sent for it. */
export function customAttribute(value: Json, current: Json | undefined, options: CustomOptions): CustomOutcome {
  const outcome = apply(value, current, options);
  if ('problem' in outcome || typeof outcome.value !== 'object' || outcome.value === null) {
    return typeof value === 'string' && value.length > MAX_VALUE_BYTES ? { problem: TOO_LARGE } : outcome;
  }
  return jsonBytes(outcome.value) > MAX_VALUE_BYTES ? { problem: TOO_LARGE } : outcome;
}

const TOO_LARGE = 'must not be larger than 100 KB';

function apply(value: Json, current: Json | undefined, options: CustomOptions): CustomOutcome {
  if (value === null) return { value: undefined };
  if (Array.isArray(value)) return setArray(value as readonly Json[], options);
  if (!isJsonObject(value)) return { value };
  const keys = Object.keys(value);
  if (isOnly(keys, 'inc')) return increment(value['inc'], current);
  if (isOnly(keys, '$time')) return dated(value['$time']);
  if (isOnly(keys, 'add', 'remove')) return changeArray(value, current, options);
  if (isOnly(keys, '$add', '$remove', '$update')) return changeObjects(value, current);
  const nested = clean(value);
  if (nested === undefined) return { problem: INVALID_INSIDE };
  return { value: options.mergeObjects && isJsonObject(current) ? mergeDeep(current, nested as JsonObject) : nested };
}

const INVALID_INSIDE = 'holds null or an invalid value; nothing of it was changed';

function isOnly(keys: readonly string[], ...allowed: readonly string[]): boolean {
  return keys.length > 0 && keys.every((key) => allowed.includes(key));
}

function increment(by: Json | undefined, current: Json | undefined): CustomOutcome {
  if (typeof by !== 'number') return { problem: "'inc' must be a number" };
  if (current !== undefined && typeof current !== 'number')
    return { problem: 'is not a number and cannot be incremented' };
  const sum = (current ?? 0) + by;
  return Number.isFinite(sum) ? { value: sum } : { problem: 'would become too large' };
}

/** A date that says so is kept as ISO 8601 in UTC; one with a year out of range as the string it is. */
function dated(text: Json | undefined): CustomOutcome {
  const value = cleanDate(text);
  return value === undefined ? { problem: "'$time' is not a valid date" } : { value };
}

function cleanDate(text: Json | undefined): string | undefined {
  if (typeof text !== 'string') return undefined;
  const at = parseDate(text);
  if (at !== null) return new Date(at).toISOString();
  return isDateOutOfRange(text) ? text : undefined;
}

function setArray(items: readonly Json[], options: CustomOptions): CustomOutcome {
  if (items.length > 0 && items.every(isJsonObject)) {
    const objects = cleanAll(items, 1);
    return objects ? { value: objects } : { problem: INVALID_INSIDE };
  }
  return items.every(isScalar) ? { value: addAll([], items, options.arrayLimit) } : { problem: PLAIN_VALUES };
}

const PLAIN_VALUES = 'must be an array of strings, numbers and booleans, or an array of objects';

/** `remove` before `add`, so that a value in both is there afterwards, at the end. */
function changeArray(change: JsonObject, current: Json | undefined, options: CustomOptions): CustomOutcome {
  if (current !== undefined && !Array.isArray(current)) return { problem: 'is not an array' };
  const add = toList(change['add']);
  const remove = toList(change['remove']);
  if (!add.every(isScalar) || !remove.every(isScalar)) return { problem: PLAIN_VALUES };
  const kept = ((current ?? []) as readonly Json[]).filter((item) => !remove.includes(item));
  return { value: addAll(kept, add, options.arrayLimit) };
}

function toList(value: Json | undefined): readonly Json[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly Json[]) : [value];
}

/** Values are unique; adding one again moves it to the end; over the limit the first ones go. */
function addAll(items: readonly Json[], added: readonly Json[], limit: number): Json[] {
  const fresh = new Set(added);
  const order = [...new Set([...added].reverse())].reverse();
  return [...items.filter((item) => !fresh.has(item)), ...order].slice(-limit);
}

/**
 * `$update` and `$remove` find objects by `$identifier_key` and `$identifier_value`; `$remove` also takes an equal
 * object; `$new_object` overrides the keys it has. Updates come first, then removals, then additions.
 */
function changeObjects(change: JsonObject, current: Json | undefined): CustomOutcome {
  const known = (current ?? []) as readonly Json[];
  if (!Array.isArray(known) || !known.every(isJsonObject)) return { problem: 'is not an array of objects' };
  let objects: readonly JsonObject[] = known;
  for (const update of toList(change['$update'])) {
    const fields = isJsonObject(update) ? clean(update['$new_object'] ?? null) : undefined;
    if (!isJsonObject(update) || !isJsonObject(fields) || typeof update['$identifier_key'] !== 'string') {
      return { problem: "'$update' must hold objects with '$identifier_key', '$identifier_value' and '$new_object'" };
    }
    objects = objects.map((object) => (isMeant(object, update) ? { ...object, ...fields } : object));
  }
  for (const removal of toList(change['$remove'])) {
    if (!isJsonObject(removal)) return { problem: "'$remove' must hold objects" };
    objects = objects.filter((object) =>
      '$identifier_key' in removal ? !isMeant(object, removal) : !jsonEquals(object, clean(removal)),
    );
  }
  const added = cleanAll(toList(change['$add']), 1);
  if (!added?.every(isJsonObject)) return { problem: "'$add' must hold valid objects" };
  return { value: [...objects, ...added] };
}

function isMeant(object: JsonObject, which: JsonObject): boolean {
  const key = which['$identifier_key'];
  return typeof key === 'string' && Object.hasOwn(object, key) && jsonEquals(object[key], which['$identifier_value']);
}

/** A nested value with its `$time` dates resolved; `undefined` when anything in it is null or invalid. */
export function clean(value: Json, depth = 1): Json | undefined {
  if (value === null || depth > MAX_DEPTH) return undefined;
  if (Array.isArray(value)) return cleanAll(value as readonly Json[], depth + 1);
  if (!isJsonObject(value)) return value;
  const keys = Object.keys(value);
  if (isOnly(keys, '$time')) return cleanDate(value['$time']);
  const result: Record<string, Json> = {};
  for (const key of keys) {
    const inner = nameProblem(key) === null ? clean(value[key]!, depth + 1) : undefined;
    if (inner === undefined) return undefined;
    result[key] = inner;
  }
  return result;
}

function cleanAll(items: readonly Json[], depth: number): Json[] | undefined {
  const result: Json[] = [];
  for (const item of items) {
    const inner = clean(item, depth + 1);
    if (inner === undefined) return undefined;
    result.push(inner);
  }
  return result;
}

function mergeDeep(base: JsonObject, over: JsonObject): JsonObject {
  const result: Record<string, Json> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const known = result[key];
    result[key] = isJsonObject(known) && isJsonObject(value) ? mergeDeep(known, value) : value;
  }
  return result;
}

function isScalar(value: Json): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
