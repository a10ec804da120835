import { isJsonObject, type Json } from './json.js';

/** Builds a JSON Pointer (RFC 6901) from its parts: `['steps', 'a/b', 0]` → `/steps/a~1b/0`; no parts → `''`. */
export function toPointer(parts: readonly (string | number | symbol)[]): string {
  return parts.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Splits a JSON Pointer into its unescaped parts. Returns `null` when the text is not a pointer. */
export function parsePointer(pointer: string): string[] | null {
  if (pointer === '') return [];
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) return null;
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The value a JSON Pointer names inside a document, or `undefined` when there is none. */
export function resolvePointer(document: Json, pointer: string): Json | undefined {
  const parts = parsePointer(pointer);
  if (!parts) return undefined;
  let value: Json | undefined = document;
  for (const part of parts) {
    if (Array.isArray(value))
      value = /^(0|[1-9]\d*)$/.test(part) ? (value as readonly Json[])[Number(part)] : undefined;
    else if (isJsonObject(value)) value = Object.hasOwn(value, part) ? value[part] : undefined;
    else return undefined;
  }
  return value;
}
