/**
 * What no column can hold, found before it reaches one: U+0000 and halves of surrogate pairs (PostgreSQL refuses both in
 * text and jsonb), and nesting so deep that recursion over it would leave the stack. Pure, and itself not recursive.
 */
import { LIMITS } from '../../journey/limits.js';

export interface Unstorable {
  readonly path: readonly (string | number)[];
  readonly code: 'too_deep' | 'text_invalid';
  readonly message: string;
}

// eslint-disable-next-line no-control-regex -- U+0000 is what it looks for
const BAD_TEXT = /[\u0000\p{Surrogate}]/u;

export function findUnstorable(value: unknown): Unstorable | null {
  const open: { value: unknown; path: readonly (string | number)[] }[] = [{ value, path: [] }];
  for (let at = open.pop(); at; at = open.pop()) {
    const { value: node, path } = at;
    if (typeof node === 'string' && BAD_TEXT.test(node)) return bad(path, 'the text');
    if (typeof node !== 'object' || node === null) continue;
    if (path.length >= LIMITS.depth) {
      return { path, code: 'too_deep', message: `nested deeper than the limit of ${LIMITS.depth}` };
    }
    for (const [key, item] of Array.isArray(node) ? node.entries() : Object.entries(node)) {
      if (typeof key === 'string' && BAD_TEXT.test(key)) return bad(path, 'a key');
      open.push({ value: item, path: [...path, key] });
    }
  }
  return null;
}

function bad(path: readonly (string | number)[], what: string): Unstorable {
  return {
    path,
    code: 'text_invalid',
    message: `${what} has U+0000 or half of a surrogate pair in it, which cannot be stored`,
  };
}
