/** What the property tests of filters draw from: profiles with a past, and filters about them. */
import fc from 'fast-check';
import type { Json, JsonObject } from '../../src/kernel/json.js';
import type { Filter } from '../../src/segments/filter.js';
import { OPERATOR_NAMES, TIME_OPERATOR_NAMES, type OperatorName } from '../../src/segments/operators/registry.js';

export const NOW = Date.parse('2026-11-24T03:30:00.000Z');
export const DAY = 86_400_000;
export const WORKSPACE = 1;
export const COMPANY = 'America/New_York';
export const PROFILES = 120;

const TEXTS = [
  '',
  'pro',
  'Pro',
  'free',
  'a b',
  'pro max',
  '42',
  'true',
  'line\nbreak',
  'größe',
  '100%',
  'x_y',
  '2026',
  '😀 ok',
  '\u0130',
];
const NUMBERS = [0, -1, 1, 2, 42, 0.1, 0.30000000000000004, 1e21, -1.5e-7, 20, 9007199254740991];
export const TIMES = [
  '2026-11-24', '2026-11-24T03:30:00Z', '2026-11-24T03:30:00.000Z', '2026-11-23T23:30:00-05:00', '2026-11-20T10:00:00', '2026-11-25',
  '2026-12-24 18:00', '1990-11-24', '1990-02-29', '1992-02-29', '2026-03-01', '1850-01-01T00:00:00Z', '2026-13-01', '2026-11-24T24:00', '0000-01-01',
]; // prettier-ignore
const ZONES = ['Asia/Seoul', 'Europe/Berlin', 'Pacific/Kiritimati', 'America/Los_Angeles', 'Not/AZone', 'PST', 'UTC'];
const PATTERNS = [
  '^pro',
  'pro$',
  '^[a-z]+$',
  'p.o',
  '\\d+',
  '^\\w+ \\w+$',
  '(pro|free)',
  'a{1,3}',
  '^$',
  '.',
  '[^a-z]',
  '\\s',
  'x_y',
  '100\\%',
  '(?i)PRO',
  '\\bpro',
  '(',
  'ö',
  '^.{2}$',
  '\\p{L}+',
  'a|',
];
const VARIABLE = ['{{${first_name}}}', '{{custom_attribute.${plan}}}', '{{custom_attribute.${n} | json}}'];
const CONSTANT = [
  "{{ 'pro' }}",
  '{{ 40 | plus: 2 }}',
  '{{ 40 | plus: 2 | json }}',
  "{{ 'now' | date: '%F' }}",
  '{{context.${nothing}}}',
  '{% abort_message() %}',
];

const text = fc.constantFrom(...TEXTS);
const number = fc.constantFrom(...NUMBERS);
const time = fc.constantFrom(...TIMES);
const scalar: fc.Arbitrary<Json> = fc.oneof(text, number, fc.boolean(), time);
const list: fc.Arbitrary<Json> = fc.array(fc.oneof(scalar, fc.constant(null), fc.array(number, { maxLength: 2 })), {
  maxLength: 4,
});
const object: fc.Arbitrary<Json> = fc.dictionary(
  fc.constantFrom('city', 'deep', 'n'),
  fc.oneof(scalar, fc.constant({ x: 1 })),
  { maxKeys: 3, noNullPrototype: true },
);
const anything: fc.Arbitrary<Json> = fc.oneof({ weight: 4, arbitrary: scalar }, list, object, fc.constant(null));

const custom: fc.Arbitrary<JsonObject> = fc.record(
  {
    plan: fc.oneof(text, anything),
    n: fc.oneof(number, anything),
    tags: fc.oneof(list, anything),
    when: fc.oneof(time, anything),
    address: object,
    'a.b': scalar,
    a: object,
    flag: fc.boolean(),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const standard: fc.Arbitrary<JsonObject> = fc.record(
  {
    first_name: text,
    dob: time,
    time_zone: fc.constantFrom(...ZONES),
    home_city: text,
    current_location: fc.record({ latitude: number }, { noNullPrototype: true }),
  },
  { requiredKeys: [], noNullPrototype: true },
);
export const profile = fc.record({
  custom,
  standard,
  externalId: fc.option(fc.constantFrom('u1', 'u2', 'u3')),
  subscriptions: fc.dictionary(
    fc.constantFrom('email', 'push', 'news'),
    fc.constantFrom('subscribed', 'unsubscribed', 'opted_in'),
    { noNullPrototype: true },
  ),
  bucket: fc.integer({ min: 0, max: 9999 }),
  events: fc.array(
    fc.record({
      kind: fc.constantFrom('event' as const, 'purchase' as const),
      name: fc.constantFrom('seen', 'bought', 'sku-1'),
      ago: fc.constantFrom(0, 1, 3_600_000, DAY, 3 * DAY - 1, 3 * DAY, 3 * DAY + 1, 40 * DAY, 365 * DAY),
      quantity: fc.constantFrom(1, 1, 3),
      properties: fc.record(
        { plan: anything, n: fc.oneof(number, anything), when: time },
        { requiredKeys: [], noNullPrototype: true },
      ),
    }),
    { maxLength: 5 },
  ),
  passages: fc.array(
    fc.record({
      journey: fc.constantFrom('one', 'two'),
      status: fc.constantFrom('active', 'parked', 'completed', 'exited'),
      ago: fc.constantFrom(1, 2, 5, 30),
      sent: fc.boolean(),
    }),
    { maxLength: 2 },
  ),
});

export const ATTRIBUTES = [
  'plan',
  'n',
  'tags',
  'when',
  'address',
  'address.city',
  'address.deep.x',
  'a.b',
  'a.city',
  'flag',
  'missing',
  'tags.0',
  '$first_name',
  '$dob',
  '$date_of_birth',
  '$city',
  '$user_id',
  '$random_bucket_number',
  '$time_zone',
  '$current_location.latitude',
  '$missing',
];
export const right = (op: OperatorName): fc.Arbitrary<Json | undefined> => {
  const liquid = fc.constantFrom(...VARIABLE, ...CONSTANT);
  switch (op) {
    case 'exists':
    case 'does_not_exist':
      return fc.constant(undefined);
    case 'matches_regex':
    case 'does_not_match_regex':
      return fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...PATTERNS) }, liquid);
    case 'between':
      return fc.oneof(fc.tuple(number, number), fc.tuple(time, time), fc.constant(['{{ 1 }}', 42]));
    case 'in':
    case 'not_in':
      return fc.oneof(fc.array(fc.oneof(scalar, liquid), { minLength: 1, maxLength: 4 }), liquid);
    case 'day_of_year_is':
      return fc.oneof(
        fc.constantFrom('today', '02-29', '03-01', '11-24', 328, 60, '2027-03-01', '2028-03-01', '2026-11-24T04:00Z'),
        time,
      );
    default:
      return fc.oneof(
        { weight: 6, arbitrary: anything },
        { weight: 3, arbitrary: fc.constantFrom<Json>(0, 1, 3, 0.5, 40) },
        { weight: 3, arbitrary: time },
        { weight: 2, arbitrary: liquid },
      );
  }
};
const comparison = (kind: string, names: readonly string[]): fc.Arbitrary<Filter> =>
  fc
    .constantFrom(...OPERATOR_NAMES)
    .chain((op) =>
      fc
        .record({ name: fc.constantFrom(...names), value: right(op) })
        .map(
          ({ name, value }) => ({ [kind]: name, op, ...(value === undefined ? {} : { value }) }) as unknown as Filter,
        ),
    );
const within = fc.constantFrom(undefined, 'PT1H', 'P1D', 'P3D', 'P30D');
const property = comparison('property', ['plan', 'n', 'when', 'missing']);
const where = fc.oneof(
  property,
  fc.record({ not: property }),
  fc.record({
    all: fc.array(fc.oneof(property, comparison('attribute', ['plan', 'n'])), { minLength: 1, maxLength: 2 }),
  }),
);
const counted = fc
  .record({
    what: fc.constantFrom(
      ['event', 'seen'],
      ['event', 'bought'],
      ['purchase', 'sku-1'],
      ['purchase', '*'],
      ['event', 'never'],
    ),
    op: fc.constantFrom('at_least', 'at_most', 'exactly'),
    count: fc.integer({ min: 0, max: 4 }),
    within,
    where: fc.option(where, { nil: undefined }),
  })
  .map(({ what: [kind, name], ...rest }) => JSON.parse(JSON.stringify({ [kind]: name, ...rest })) as Filter);
const leaf: fc.Arbitrary<Filter> = fc.oneof(
  { weight: 12, arbitrary: comparison('attribute', ATTRIBUTES) },
  { weight: 1, arbitrary: comparison('context', ['plan']) },
  { weight: 1, arbitrary: property },
  { weight: 4, arbitrary: counted },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(...TIME_OPERATOR_NAMES)
      .chain((op) => right(op).map((value) => ({ last_event: 'seen', op, value: value as Json }))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.integer({ min: 0, max: 9999 }), fc.integer({ min: 0, max: 9999 }))
      .map((bucket) => ({ bucket })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      subscription: fc.constantFrom('email', 'push', 'news', 'other'),
      is: fc.constantFrom('subscribed' as const, 'unsubscribed' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      journey: fc.constantFrom('one', 'two', 'none'),
      is: fc.constantFrom(
        'entered' as const,
        'inside' as const,
        'completed' as const,
        'converted' as const,
        'in_control' as const,
      ),
      within,
    }),
  },
  { weight: 1, arbitrary: fc.record({ webhook_sent: fc.constantFrom('one', '*'), within }) },
  { weight: 1, arbitrary: fc.constant({ segment: 'gone' }) },
);
export const filter = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 3, arbitrary: leaf },
    { weight: 1, arbitrary: fc.record({ all: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ any: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ not: tie('filter') }) },
  ),
})).filter;

export type MadeProfile = typeof profile extends fc.Arbitrary<infer T> ? T : never;
