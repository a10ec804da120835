/** The rules for properties of events and purchases (Braze, "event object"). Pure. */
import { isJsonObject, jsonBytes, type Json } from '../../../kernel/json.js';

const MAX_KEY = 255;
const MAX_TEXT = 255;
const MAX_DEPTH = 32;
const RESERVED = new Set(['time', 'event_name']);

/** What is wrong with `properties`, naming the place; `null` when nothing is. Absent properties are fine. */
export function propertiesProblem(properties: Json | undefined, maxBytes: number): string | null {
  if (properties === undefined || properties === null) return null;
  if (!isJsonObject(properties)) return "'properties' must be an object";
  const size = { estimate: 2 };
  for (const key in properties) {
    if (RESERVED.has(key)) return `'properties.${key}' is a reserved name`;
    const problem = keyProblem('properties', key) ?? valueProblem(properties, key, 'properties', 1, size);
    if (problem !== null) return problem;
  }
  const isLarge = size.estimate > maxBytes && jsonBytes(properties) > maxBytes;
  return isLarge ? `'properties' must not be larger than ${maxBytes / 1024} KB` : null;
}

function keyProblem(path: string, key: string): string | null {
  if (key === '') return `'${path}' has a property without a name`;
  if (key.length > MAX_KEY) return `'${path}' has a property whose name is longer than ${MAX_KEY} characters`;
  return key.charCodeAt(0) === 36 ? `'${path}.${key}' must not start with '$'` : null;
}

/** `size.estimate` grows to at least the bytes of the value. */
function valueProblem(
  holder: Readonly<Record<string, Json>> | readonly Json[],
  key: string | number,
  path: string,
  depth: number,
  size: { estimate: number },
): string | null {
  const value = (holder as Readonly<Record<string | number, Json>>)[key]!;
  size.estimate += 28 + (typeof key === 'string' ? key.length * 6 : 0);
  if (typeof value === 'string') {
    size.estimate += value.length * 6;
    return value.length > MAX_TEXT ? `'${path}.${key}' must not be longer than ${MAX_TEXT} characters` : null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const here = `${path}.${key}`;
  if (depth >= MAX_DEPTH) return `'${path}' is nested too deeply`;
  if (isJsonObject(value)) {
    for (const inner in value) {
      const problem = keyProblem(here, inner) ?? valueProblem(value, inner, here, depth + 1, size);
      if (problem !== null) return problem;
    }
    return null;
  }
  for (let i = 0; i < value.length; i++) {
    const problem = valueProblem(value, i, here, depth + 1, size);
    if (problem !== null) return problem;
  }
  return null;
}
