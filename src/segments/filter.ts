/**
 * The Filter of the contract (`contract/journey.md`): who is meant. One shape, two readings that a property test holds
 * equal: `evaluate` in memory for one profile, `toSql` for an audience. Pure.
 */
import { z } from 'zod';
import { isJsonObject } from '../kernel/json.js';
import { OPERATOR_NAMES, TIME_OPERATOR_NAMES } from './operators/registry.js';
import { FILTER_LIMITS, isTooDeep, type Filter } from './shape.js';

export { checkFilter, type FilterIssue } from './check.js';
export { filterNeeds } from './needs.js';
export { FILTER_LIMITS, type Filter } from './shape.js';

const name = z.string().min(1).max(255);
const op = z.enum(OPERATOR_NAMES);
const value = z.json().optional();
const duration = z.string();
const count = {
  op: z.enum(['at_least', 'at_most', 'exactly']).optional(),
  count: z.int().min(0).max(1_000_000).optional(),
};

/** One shape per leaf, by the key that tells it apart. */
const LEAVES: Readonly<Record<string, z.ZodType>> = {
  attribute: z
    .strictObject({ attribute: name, op, value })
    .describe('An attribute of the profile; `$name` for a standard one, dots reach into objects'),
  property: z.strictObject({ property: name, op, value }).describe('A property of the event at hand'),
  context: z.strictObject({ context: name, op, value }).describe("A variable of the entry's context"),
  event: z
    .strictObject({
      event: name,
      ...count,
      within: duration.optional(),
      where: z.lazy((): z.ZodType<Filter> => filterSchema).optional(),
    })
    .describe('How often an event happened; at least once when nothing else is said'),
  purchase: z
    .strictObject({
      purchase: name,
      ...count,
      within: duration.optional(),
      where: z.lazy((): z.ZodType<Filter> => filterSchema).optional(),
    })
    .describe('How often a product was bought; `*` is any'),
  last_event: z
    .strictObject({ last_event: name, op: z.enum(TIME_OPERATOR_NAMES), value })
    .describe('When an event last happened'),
  segment: z.strictObject({ segment: name }).describe('Member of a segment'),
  bucket: z
    .strictObject({ bucket: z.tuple([bucketNumber(), bucketNumber()]) })
    .describe("The profile's random bucket, both ends included"),
  subscription: z
    .strictObject({ subscription: name, is: z.enum(['subscribed', 'unsubscribed']) })
    .describe('State of a subscription group, of `email` or `push`'),
  journey: z
    .strictObject({
      journey: name,
      is: z.enum(['entered', 'inside', 'completed', 'converted', 'in_control']),
      within: duration.optional(),
    })
    .describe('Passage through a journey'),
  webhook_sent: z
    .strictObject({ webhook_sent: name, within: duration.optional() })
    .describe('A webhook of a journey, or of any (`*`), was delivered'),
};

function bucketNumber(): z.ZodInt {
  return z.int().min(0).max(9999);
}

/** Strict: an unknown key or kind is an error. What goes in comes out, the same object. */
export const filterSchema: z.ZodType<Filter> = z.unknown().superRefine(refuse) as unknown as z.ZodType<Filter>;

z.globalRegistry.add(filterSchema, {
  id: 'Filter',
  description: 'Who is meant: comparisons joined by all, any and not',
  anyOf: [
    ...['all', 'any'].map((key) => combination(key, { type: 'array', minItems: 1, items: { $ref: '#/$defs/Filter' } })),
    combination('not', { $ref: '#/$defs/Filter' }),
    ...Object.values(LEAVES).map(leafJsonSchema),
  ],
});

function combination(key: string, schema: object): object {
  return { type: 'object', properties: { [key]: schema }, required: [key], additionalProperties: false };
}

/** A leaf's JSON Schema for use inside of another document: `where` refers to the Filter around it, a value is any JSON. */
function leafJsonSchema(leaf: z.ZodType): object {
  const {
    $schema: _schema,
    $defs: _defs,
    ...schema
  } = z.toJSONSchema(leaf, {
    io: 'input',
    override({ zodSchema, jsonSchema }) {
      if ((zodSchema as unknown) === filterSchema) jsonSchema.$ref = '#/$defs/Filter';
    },
  });
  const { properties } = schema;
  if (properties && 'value' in properties) properties['value'] = {};
  return schema;
}

interface Refusal {
  addIssue(issue: z.core.$ZodRawIssue): void;
}

type Path = readonly (string | number)[];

function refuse(input: unknown, context: Refusal): void {
  if (isTooDeep(input)) {
    context.addIssue(custom([], input, 'limit_exceeded', `a filter may be ${FILTER_LIMITS.depth} levels deep`));
    return;
  }
  if (countLeaves(input) > FILTER_LIMITS.leaves) {
    context.addIssue(custom([], input, 'limit_exceeded', `a filter may have ${FILTER_LIMITS.leaves} comparisons`));
    return;
  }
  refuseNode(input, [], context);
}

function refuseNode(input: unknown, path: Path, context: Refusal): void {
  if (!isJsonObject(input)) {
    context.addIssue({ code: 'invalid_type', expected: 'object', input, path: [...path] });
    return;
  }
  for (const key of ['all', 'any'] as const) {
    if (key in input) return refuseList(key, input, path, context);
  }
  if ('not' in input) {
    refuseOtherKeys('not', input, path, context);
    return refuseNode(input['not'], [...path, 'not'], context);
  }
  const kind = Object.keys(LEAVES).find((key) => key in input);
  if (kind === undefined) {
    const kinds = ['all', 'any', 'not', ...Object.keys(LEAVES)].join(', ');
    context.addIssue(custom(path, input, 'no_match', `not a filter: it has none of ${kinds}`));
    return;
  }
  for (const issue of LEAVES[kind]!.safeParse(input).error?.issues ?? []) {
    context.addIssue({ ...issue, input, path: [...path, ...issue.path] } as z.core.$ZodRawIssue);
  }
}

function refuseList(key: 'all' | 'any', input: Record<string, unknown>, path: Path, context: Refusal): void {
  refuseOtherKeys(key, input, path, context);
  const list = input[key];
  if (!Array.isArray(list))
    context.addIssue({ code: 'invalid_type', expected: 'array', input: list, path: [...path, key] });
  else if (list.length === 0)
    context.addIssue({ code: 'too_small', origin: 'array', minimum: 1, input: list, path: [...path, key] });
  else list.forEach((item, i) => refuseNode(item, [...path, key, i], context));
}

function refuseOtherKeys(key: string, input: Record<string, unknown>, path: Path, context: Refusal): void {
  const keys = Object.keys(input).filter((other) => other !== key);
  if (keys.length > 0) context.addIssue({ code: 'unrecognized_keys', keys, input, path: [...path] });
}

function custom(path: Path, input: unknown, code: string, message: string): z.core.$ZodRawIssue {
  return { code: 'custom', message, params: { code }, input, path: [...path] };
}

function countLeaves(input: unknown): number {
  if (!isJsonObject(input)) return 1;
  const node = input as Record<string, unknown>;
  const inner = [node['all'], node['any']].find(Array.isArray) as unknown[] | undefined;
  if (inner) return inner.reduce<number>((sum, item) => sum + countLeaves(item), 0);
  if ('not' in node) return countLeaves(node['not']);
  return 1 + ('where' in node ? countLeaves(node['where']) : 0);
}
