import type { z } from 'zod';
import { toPointer } from '../kernel/pointer.js';
import type { Issue } from './decision.js';

type Path = readonly (string | number)[];
type Extra = Partial<Pick<Issue, 'line' | 'column' | 'excerpt'>>;

/** Collects issues under a path of the document. `at` gives a view that adds to the same list from further down. */
export class Issues {
  constructor(
    readonly list: Issue[] = [],
    private readonly base: Path = [],
  ) {}

  at(...parts: Path): Issues {
    return new Issues(this.list, [...this.base, ...parts]);
  }

  get pointer(): string {
    return toPointer(this.base);
  }

  error(path: Path, code: string, message: string, extra: Extra = {}): void {
    this.list.push({ path: toPointer([...this.base, ...path]), code, message, level: 'error', ...extra });
  }

  warn(path: Path, code: string, message: string): void {
    this.list.push({ path: toPointer([...this.base, ...path]), code, message, level: 'warning' });
  }

  /** A part of the format that this build refuses by name. */
  notBuilt(path: Path, what: string): void {
    this.error(path, 'not_built_yet', `${what} is part of the format but not built yet`);
  }
}

type Raw = z.core.$ZodIssue;

/** Codes after which a value does not have the shape its type says, so that nothing further may be read from it. */
const STRUCTURAL = new Set([
  'required',
  'wrong_type',
  'invalid_value',
  'no_match',
  'step_type_unknown',
  'type_unknown',
]);

export function isStructural(code: string): boolean {
  return STRUCTURAL.has(code);
}

/** Translates what the schema found into issues: one per unknown key, the nearest alternative of a union. */
export function fromSchema(found: readonly Raw[], document: unknown): Issue[] {
  return found.flatMap((raw) => translate(raw, [], document));
}

function translate(raw: Raw, prefix: Path, document: unknown): Issue[] {
  const path = [...prefix, ...(raw.path as (string | number)[])];
  const one = (code: string, message: string, extra: Extra = {}, where: Path = path): Issue[] => [
    { path: toPointer(where), code, message, level: 'error', ...extra },
  ];
  switch (raw.code) {
    case 'unrecognized_keys':
      return raw.keys.flatMap((key) =>
        one('unknown_key', `unknown key "${key}"; keys are never ignored`, {}, [...path, key]),
      );
    case 'invalid_type': {
      const value = valueAt(document, path);
      if (value === undefined) return one('required', `"${String(path.at(-1) ?? '')}" is missing`);
      return one('wrong_type', `expected ${article(raw.expected)}, found ${describe(value)}`);
    }
    case 'invalid_value': {
      if (valueAt(document, path) === undefined) return one('required', `"${String(path.at(-1) ?? '')}" is missing`);
      return one(
        'invalid_value',
        `expected ${raw.values.map((v) => JSON.stringify(v)).join(', ')}, found ${describe(valueAt(document, path))}`,
      );
    }
    case 'too_big':
      return one('limit_exceeded', `over the limit of ${String(raw.maximum)}${unit(raw.origin)}`);
    case 'too_small':
      return one('too_small', `at least ${String(raw.minimum)}${unit(raw.origin)} needed`);
    case 'invalid_key':
      return one(
        'invalid_key',
        `"${String(path.at(-1))}" is not allowed as a key: ${raw.issues.map((i) => i.message).join('; ')}`,
      );
    case 'invalid_format':
      return one(
        'invalid_format',
        `${describe(valueAt(document, path))} does not match ${'pattern' in raw && raw.pattern ? raw.pattern : raw.format}`,
      );
    case 'invalid_union':
      return fromUnion(raw, path, document);
    case 'custom': {
      const { code = 'invalid', ...extra } = (raw.params ?? {}) as { code?: string } & Extra;
      return one(code, raw.message, extra);
    }
    default:
      return one('invalid_value', raw.message);
  }
}

function fromUnion(raw: Extract<Raw, { code: 'invalid_union' }>, path: Path, document: unknown): Issue[] {
  const value = valueAt(document, path);
  if (raw.errors.length === 0) {
    const { discriminator, options } = raw as { discriminator?: string; options?: readonly unknown[] };
    if (value === undefined) {
      return [
        { path: toPointer(path), code: 'required', message: `"${discriminator ?? 'type'}" is missing`, level: 'error' },
      ];
    }
    const known = options ? `; known: ${options.map(String).join(', ')}` : '';
    const isStep = path.length === 3 && path[0] === 'steps';
    return [
      {
        path: toPointer(path),
        code: isStep ? 'step_type_unknown' : 'type_unknown',
        message: `${describe(value)} is not a known ${isStep ? 'step type' : (discriminator ?? 'type')}${known}`,
        level: 'error',
      },
    ];
  }
  if (value === undefined) {
    return [
      { path: toPointer(path), code: 'required', message: `"${String(path.at(-1) ?? '')}" is missing`, level: 'error' },
    ];
  }
  // The alternative with the fewest problems is the one the author meant; several equally far: none is named.
  const branches = raw.errors
    .map((issues) => ({ issues, weight: issues.reduce((sum, issue) => sum + weigh(issue), 0) }))
    .sort((a, b) => a.weight - b.weight);
  const [best, second] = branches;
  if (best && (!second || best.weight < second.weight)) {
    return best.issues.flatMap((issue) => translate(issue, path, document));
  }
  const keys = new Set(
    raw.errors.flatMap((issues) => issues.flatMap((issue) => (issue.path.length === 1 ? [String(issue.path[0])] : []))),
  );
  const known = keys.size > 0 ? `; one of ${[...keys].map((key) => `"${key}"`).join(', ')} is expected` : '';
  return [
    {
      path: toPointer(path),
      code: 'no_match',
      message: `${describe(value)} has none of the forms allowed here${known}`,
      level: 'error',
    },
  ];
}

/** A wrong key or kind at the top of an alternative says "not this one"; a problem further down says "this one, nearly". */
function weigh(issue: Raw): number {
  const depth = issue.path.length;
  if (issue.code === 'unrecognized_keys') return (depth === 0 ? 10 : 1) * issue.keys.length;
  if (issue.code === 'invalid_type' || issue.code === 'invalid_value') return depth <= 1 ? 10 : 1;
  return 1;
}

function valueAt(document: unknown, path: Path): unknown {
  let value = document;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  const text =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? JSON.stringify(value)
      : typeof value;
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function article(expected: string): string {
  if (expected === 'record') return 'an object';
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}

function unit(origin: string): string {
  if (origin === 'string') return ' characters';
  if (origin === 'array' || origin === 'set') return ' items';
  return '';
}
