import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { parsePointer } from '../kernel/pointer.js';
import { compile } from './compile.js';
import { validate } from './validate.js';

const everyStep = {
  schema: 1,
  key: 'all',
  name: 'All',
  timezone: 'Europe/Berlin',
  entry: {
    trigger: {
      type: 'event',
      on: [
        { event: 'e', where: { property: 'a', op: 'equals', value: 1 } },
        { attribute_changed: 'p', to: 1 },
      ],
      from: '2026-01-01',
    },
    audience: { all: [{ attribute: 'plan', op: 'equals', value: 'pro' }, { not: { bucket: [0, 10] } }] },
    reentry: { key: '{{context.${k}}}' },
    limit: { max: 5, per: 'day' },
  },
  exit: { when: [{ event: 'bye' }, { audience: { attribute: 'x', op: 'exists' } }], mode: 'step_end' },
  send: {},
  start: 'hook',
  steps: {
    hook: {
      type: 'webhook',
      request: {
        method: 'POST',
        url: 'https://{{context.${h}}}.example.com',
        headers: { A: 'b' },
        body: { json: { a: ['{{${first_name}}}'] } },
      },
      advance: 'result',
      capture: { id: '/id' },
      retry: { attempts: 2, initial: 'PT1S', statuses: [408, '5xx'] },
      only_if: { event: 'e', op: 'at_least', count: 1 },
      on: { success: 'wait', failure: 'split', timeout: 'out' },
    },
    wait: { type: 'delay', until: '2027-01-01T00:00', timezone: 'user', next: 'split' },
    split: { type: 'decision_split', if: { context: 'k', op: 'exists' }, yes: 'paths', no: null },
    paths: {
      type: 'audience_paths',
      paths: [{ name: 'a', if: { bucket: [0, 1] }, next: 'act' }],
      everyone_else: 'out',
    },
    act: {
      type: 'action_paths',
      window: 'PT1H',
      paths: [{ name: 'a', on: [{ purchase: '*' }], next: 'update' }],
      everyone_else: 'out',
    },
    update: {
      type: 'user_update',
      set: { a: '{{${x}}}' },
      remove: ['b'],
      increment: { c: 1 },
      events: [{ name: 'n' }],
      next: 'vars',
    },
    vars: { type: 'context', set: [{ name: 'k', type: 'number', value: '1' }], next: 'out' },
    out: { type: 'exit', reason: 'r' },
  },
};

const example = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../examples/${name}.json`, import.meta.url), 'utf8'));
const documents = [everyStep, ...['onboarding', 'letter-and-fallback', 'abandoned-cart'].map(example)];

type Path = (string | number)[];

function placesOf(node: unknown, path: Path = []): Path[] {
  if (typeof node !== 'object' || node === null) return [path];
  return [
    path,
    ...Object.entries(node).flatMap(([key, item]) =>
      placesOf(item, [...path, Array.isArray(node) ? Number(key) : key]),
    ),
  ];
}

/** The document with one place replaced, removed, or given a further key. */
function damage(document: unknown, at: number, how: number, value: unknown, key: string): unknown {
  const copy: unknown = JSON.parse(JSON.stringify(document));
  const places = placesOf(copy).slice(1);
  const path = places[at % places.length]!;
  let parent = copy as Record<string | number, unknown>;
  for (const part of path.slice(0, -1)) parent = parent[part] as Record<string | number, unknown>;
  const last = path.at(-1)!;
  if (how === 0) parent[last] = value;
  else if (how === 1) delete parent[last];
  else parent[key] = value;
  return JSON.parse(JSON.stringify(copy));
}

const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(
    null,
    '',
    '{{',
    '{% if %}',
    'P1D',
    'PT0S',
    '__proto__',
    'constructor',
    'toString',
    'out',
    'user',
    {},
    [],
    [null],
    -1,
    1e400,
  ),
);
const damages = fc.array(
  fc.tuple(
    fc.nat(),
    fc.integer({ min: 0, max: 2 }),
    odd,
    fc.constantFrom('x', 'next', 'on', 'type', 'constructor', '0'),
  ),
  {
    minLength: 1,
    maxLength: 4,
  },
);

it('the full example of every step is valid', () => {
  expect(validate(everyStep).issues.filter(({ level }) => level === 'error')).toEqual([]);
});

describe('a damaged document', () => {
  it('is never a crash: it has issues with pointers into it, or it is valid and compiles', () => {
    fc.assert(
      fc.property(fc.constantFrom(...documents), damages, (document, list) => {
        const damaged = list.reduce<unknown>(
          (all, [at, how, value, key]) => damage(all, at, how, value, key),
          document,
        );
        const before = JSON.stringify(damaged);
        const { issues, definition } = validate(damaged);
        for (const { path, code, message } of issues) {
          expect(parsePointer(path)).not.toBeNull();
          expect(code).toMatch(/^[a-z_]+$/);
          expect(message.length).toBeGreaterThan(0);
        }
        expect(JSON.stringify(damaged)).toBe(before);
        expect(definition === null).toBe(issues.some(({ level }) => level === 'error'));
        if (definition) {
          expect(definition).toBe(damaged);
          expect(compile(definition).steps.size).toBe(Object.keys(definition.steps).length);
        }
      }),
      { numRuns: 250 },
    );
  });

  it('gives the same issues every time', () => {
    fc.assert(
      fc.property(fc.constantFrom(...documents), damages, (document, list) => {
        const damaged = list.reduce<unknown>(
          (all, [at, how, value, key]) => damage(all, at, how, value, key),
          document,
        );
        expect(validate(damaged).issues).toEqual(validate(damaged).issues);
      }),
      { numRuns: 100 },
    );
  });
});
