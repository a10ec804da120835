import { z } from 'zod';
import { checkFilter, filterNeeds, filterSchema, type Filter } from './filter.js';
import { NO_NEEDS } from './subject.js';

const codes = (input: unknown): string[] =>
  (filterSchema.safeParse(input).error?.issues ?? []).map(
    (issue) => `${issue.path.join('/')} ${issue.code === 'custom' ? String(issue.params?.['code']) : issue.code}`,
  );

describe('the shape of a filter', () => {
  it.each([
    { attribute: 'plan', op: 'equals', value: 'pro' },
    { attribute: '$email', op: 'exists' },
    { property: 'a.b', op: 'between', value: [1, 2] },
    { context: 'cart', op: 'equals', value: { a: [1, null] } },
    { event: 'seen' },
    { event: 'seen', op: 'at_most', count: 0, within: 'P7D', where: { all: [{ property: 'x', op: 'exists' }] } },
    { purchase: '*', op: 'exactly', count: 2 },
    { last_event: 'seen', op: 'before', value: '2026-01-01' },
    { segment: 'vip' },
    { bucket: [0, 4999] },
    { subscription: 'news', is: 'unsubscribed' },
    { journey: 'welcome', is: 'in_control', within: 'P1D' },
    { webhook_sent: '*' },
    { not: { any: [{ segment: 'a' }, { all: [{ segment: 'b' }] }] } },
  ])('takes %j and gives back the same object', (filter) => {
    const parsed = filterSchema.safeParse(filter);
    expect(parsed.error).toBeUndefined();
    expect(parsed.data).toBe(filter);
  });

  it.each<[unknown, string[]]>([
    [null, [' invalid_type']],
    ['x', [' invalid_type']],
    [[], [' invalid_type']],
    [{}, [' no_match']],
    [{ atribute: 'x', op: 'equals' }, [' no_match']],
    [{ attribute: 'x', op: 'is' }, ['op invalid_value']],
    [{ attribute: 'x' }, ['op invalid_value']],
    [{ attribute: 'x', op: 'exists', extra: 1 }, [' unrecognized_keys']],
    [{ attribute: 'x', op: 'exists', event: 'y' }, [' unrecognized_keys']],
    [{ attribute: '', op: 'exists' }, ['attribute too_small']],
    [{ all: [] }, ['all too_small']],
    [{ all: {} }, ['all invalid_type']],
    [{ all: [{ segment: 'a' }], any: [] }, [' unrecognized_keys']],
    [{ all: [{ segment: 'a' }, { not: { nope: 1 } }] }, ['all/1/not no_match']],
    [{ event: 'x', where: { property: 'y', op: 'nope' } }, ['where/op invalid_value']],
    [{ event: 'x', count: 1.5, op: 'exactly' }, ['count invalid_type']],
    [{ last_event: 'x', op: 'equals', value: 1 }, ['op invalid_value']],
    [{ bucket: [0, 10_000] }, ['bucket/1 too_big']],
    [{ subscription: 'x', is: 'maybe' }, ['is invalid_value']],
  ])('refuses %j', (input, expected) => {
    expect(codes(input)).toEqual(expected);
  });

  it('refuses depth and size by name, however hostile', () => {
    let deep: unknown = { segment: 'a' };
    for (let i = 0; i < 100_000; i++) deep = { not: deep };
    expect(codes(deep)).toEqual([' limit_exceeded']);
    expect(checkFilter(deep as Filter, '')).toEqual([]);
    expect(codes({ all: Array.from({ length: 201 }, () => ({ segment: 'a' })) })).toEqual([' limit_exceeded']);
  });

  it('has a JSON Schema that refers to itself', () => {
    const schema = z.toJSONSchema(z.strictObject({ if: filterSchema })) as unknown as {
      $defs: { Filter: { anyOf: { properties?: object }[] } };
    };
    const kinds = schema.$defs.Filter.anyOf.map(({ properties }) => Object.keys(properties ?? {})[0]);
    expect(kinds).toEqual([
      'all',
      'any',
      'not',
      'attribute',
      'property',
      'context',
      'event',
      'purchase',
      'last_event',
      'segment',
      'bucket',
      'subscription',
      'journey',
      'webhook_sent',
    ]);
    expect(JSON.stringify(schema.$defs.Filter)).toContain('"where":{"$ref":"#/$defs/Filter"}');
    const dangling = [...JSON.stringify(schema).matchAll(/"\$ref":"([^"]+)"/g)]
      .map(([, ref]) => ref)
      .filter((ref) => ref !== '#/$defs/Filter');
    expect(dangling).toEqual([]);
  });
});

describe('what is wrong beyond the shape', () => {
  it.each<[Filter, [string, string][]]>([
    [{ attribute: 'x', op: 'equals', value: 'a' }, []],
    [{ attribute: 'x', op: 'greater_than', value: '{{context.${n}}}' }, []],
    [{ attribute: 'x', op: 'equals' }, [['/if/value', 'value_invalid']]],
    [{ attribute: 'x', op: 'equals', value: null }, [['/if/value', 'value_invalid']]],
    [{ attribute: 'x', op: 'exists', value: 1 }, [['/if/value', 'value_invalid']]],
    [{ attribute: 'x', op: 'greater_than', value: '5' }, [['/if/value', 'value_invalid']]],
    [{ attribute: 'x', op: 'between', value: [1, '2026-01-01'] }, [['/if/value', 'value_invalid']]],
    [{ attribute: 'x', op: 'in', value: [] }, [['/if/value', 'value_invalid']]],
    [{ attribute: 'x', op: 'before', value: 'tomorrow' }, [['/if/value', 'value_invalid']]],
    [{ attribute: 'x', op: 'less_than_x_days_ago', value: -1 }, [['/if/value', 'value_invalid']]],
    [{ attribute: 'x', op: 'day_of_year_is', value: 367 }, [['/if/value', 'value_invalid']]],
    [{ attribute: 'x', op: 'matches_regex', value: '(' }, [['/if/value', 'regex_invalid']]],
    [{ attribute: 'x', op: 'matches_regex', value: '(?=a)' }, [['/if/value', 'regex_invalid']]],
    [{ attribute: 'x', op: 'equals', value: 'a {{ b | nope }}' }, [['/if/value', 'liquid_invalid']]],
    [{ attribute: 'x', op: 'in', value: ['a', '{{ b'] }, [['/if/value/1', 'liquid_invalid']]],
    [{ event: 'x', within: '7 days' }, [['/if/within', 'duration_invalid']]],
    [{ event: 'x', op: 'at_least' }, [['/if/op', 'value_invalid']]],
    [{ event: 'x', where: { property: 'y', op: 'in', value: 'z' } }, [['/if/where/value', 'value_invalid']]],
    [{ bucket: [5, 4] }, [['/if/bucket', 'range_invalid']]],
    [{ all: [{ not: { segment: 'vip' } }] }, [['/if/all/0/not/segment', 'segment_unknown']]],
  ])('%j', (filter, expected) => {
    expect(checkFilter(filter, '/if').map(({ path, code }) => [path, code])).toEqual(expected);
  });

  it('knows the segments it is told of', () => {
    expect(checkFilter({ segment: 'vip' }, '', { segmentExists: (key) => key === 'vip' })).toEqual([]);
  });

  it('says where in the Liquid', () => {
    expect(checkFilter({ attribute: 'x', op: 'equals', value: 'ok\n {{ b | nope }}' }, '')[0]).toMatchObject({
      line: 2,
      column: 2,
      excerpt: ' {{ b | nope }}',
    });
  });
});

describe('what has to be loaded', () => {
  it.each<[Filter, object]>([
    [{ context: 'x', op: 'exists' }, {}],
    [{ attribute: 'x', op: 'exists' }, { profile: true }],
    [{ property: 'x', op: 'equals', value: '{{custom_attribute.${y}}}' }, { profile: true }],
    [{ property: 'x', op: 'equals', value: '{{context.${y}}}' }, {}],
    [{ property: 'x', op: 'day_of_year_is', value: 'today' }, { profile: true }],
    [{ bucket: [0, 1] }, { profile: true }],
    [{ event: 'a' }, { history: [{ kind: 'event', name: 'a', within: null }] }],
    [{ event: 'a', within: 'P1D' }, { history: [{ kind: 'event', name: 'a', within: 86_400_000 }] }],
    [
      { purchase: '*', where: { attribute: 'x', op: 'exists' } },
      { profile: true, history: [{ kind: 'purchase', name: '*', within: Infinity }] },
    ],
    [{ last_event: 'a', op: 'before', value: '2026-01-01' }, { history: [{ kind: 'event', name: 'a', within: null }] }],
    [{ not: { any: [{ journey: 'j', is: 'inside' }, { webhook_sent: '*' }] } }, { journeys: ['j'], webhooks: ['*'] }],
  ])('%j', (filter, expected) => {
    expect(filterNeeds(filter)).toEqual({ ...NO_NEEDS, ...expected });
  });
});
