import type { Json } from '../kernel/json.js';

/**
 * JSON text that PostgreSQL's `jsonb` takes: it refuses U+0000 and lone surrogates, which JSON itself allows, so those
 * become U+FFFD. One refused character would otherwise undo a whole batch.
 */
export function jsonText(value: Json): string {
  const text = JSON.stringify(value);
  return text.includes('\\u') ? text.replace(ESCAPE, replaceEscape) : text;
}

const ESCAPE = /\\(?:u[0-9a-f]{4}|.)/g;

// JSON.stringify escapes surrogates only when they stand alone.
function replaceEscape(escape: string): string {
  return escape === '\\u0000' || /^\\ud[89a-f]/.test(escape) ? '\ufffd' : escape;
}

/** Text for a `text` column, which cannot hold U+0000. */
export function plainText(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text;
}
