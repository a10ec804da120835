import type { Json, JsonObject } from '../kernel/json.js';
import { evaluate } from './evaluate.js';
import type { Filter } from './filter.js';
import { NO_HISTORY, type EventFact, type History, type ProfileFacts, type Subject } from './subject.js';

const NOW = Date.parse('2026-11-24T03:30:00Z');
const DAY = 86_400_000;

function subject(
  parts: Partial<Omit<Subject, 'profile'>> & { custom?: JsonObject; profile?: Partial<ProfileFacts> } = {},
): Subject {
  const { custom = {}, profile = {}, ...rest } = parts;
  return {
    profile: {
      id: 'p1',
      externalId: 'u1',
      aliases: [],
      standard: {},
      custom,
      subscriptions: {},
      bucket: 5000,
      createdAt: 0,
      ...profile,
    },
    history: NO_HISTORY,
    journeys: {},
    webhooks: {},
    context: {},
    properties: {},
    companyTimeZone: 'America/New_York',
    ...rest,
  };
}

function past(events: readonly EventFact[]): History {
  const of = (name: string): EventFact[] => events.filter((event) => event.name === name).sort((a, b) => b.at - a.at);
  return {
    stats: (_kind, name) => {
      const [last] = of(name);
      return last && { count: of(name).length, first: of(name).at(-1)!.at, last: last.at };
    },
    list: (_kind, name) => of(name),
  };
}

const holds = (filter: Filter, who: Subject): boolean => evaluate(filter, who, NOW).holds;
const compare = (actual: Json | undefined, op: string, value?: Json): boolean =>
  holds(
    { attribute: 'x', op, ...(value === undefined ? {} : { value }) } as Filter,
    subject({ custom: actual === undefined ? {} : { x: actual } }),
  );

describe('operators', () => {
  it.each<[Json, string, Json | undefined, boolean]>([
    ['pro', 'equals', 'pro', true],
    ['pro', 'equals', 'Pro', false],
    [1, 'equals', 1.0, true],
    [42, 'equals', '42', false],
    [{ a: 1, b: [2] }, 'equals', { b: [2], a: 1 }, true],
    ['free', 'not_equal', 'pro', true],
    [5, 'not_equal', 'pro', false],
    [true, 'not_equal', false, true],
    ['', 'exists', undefined, true],
    [[], 'exists', undefined, true],
    [null, 'exists', undefined, false],
    [null, 'does_not_exist', undefined, true],
    [0, 'does_not_exist', undefined, false],
    ['ada@example.com', 'matches_regex', '@example\\.com$', true],
    ['ada@example.org', 'does_not_match_regex', '@example\\.com$', true],
    [5, 'does_not_match_regex', 'x', false],
    ['pro max', 'starts_with', 'pro', true],
    ['pro max', 'contains', 'o m', true],
    [['pro'], 'contains', 'pro', false],
    [21, 'greater_than', 20, true],
    ['21', 'greater_than', 20, false],
    [20, 'greater_than_or_equal_to', 20, true],
    [19.99, 'less_than', 20, true],
    [20, 'less_than_or_equal_to', 20, true],
    [5, 'between', [5, 10], true],
    [10, 'between', [5, 10], true],
    [11, 'between', [5, 10], false],
    ['2026-05-01', 'between', ['2026-01-01', '2026-12-31'], true],
    ['a', 'in', ['a', 'b'], true],
    [1, 'in', ['1'], false],
    ['c', 'not_in', ['a', 'b'], true],
    [3, 'not_in', ['a', 'b'], false],
    [['a', 'b'], 'includes_value', 'a', true],
    ['a', 'includes_value', 'a', false],
    [['a', 'b'], 'does_not_include_value', 'c', true],
    ['a', 'does_not_include_value', 'c', false],
    ['2026-11-23T00:00:00Z', 'before', '2026-11-24', true],
    ['2026-11-24T00:00:01Z', 'after', '2026-11-24', true],
    ['yesterday', 'before', '2026-11-24', false],
    ['2026-11-22', 'less_than_x_days_ago', 2, false],
    ['2026-11-23', 'less_than_x_days_ago', 2, true],
    ['2026-11-25', 'less_than_x_days_ago', 2, false],
    ['2026-11-01', 'greater_than_x_days_ago', 20, true],
    ['2026-11-25', 'less_than_x_days_in_the_future', 1, true],
    ['2026-11-23', 'less_than_x_days_in_the_future', 1, false],
    ['2026-12-25', 'greater_than_x_days_in_the_future', 30, true],
    ['1990-11-23', 'day_of_year_is', 'today', true],
    ['1990-11-24', 'day_of_year_is', 'today', false],
    ['1990-11-24', 'day_of_year_is', '11-24', true],
    ['1990-02-01', 'day_of_year_is', 32, true],
    ['1992-02-29', 'day_of_year_is', '2027-03-01', true],
    ['1992-02-29', 'day_of_year_is', '2028-03-01', false],
  ])('%j %s %j is %s', (actual, op, value, expected) => {
    expect(compare(actual, op, value)).toBe(expected);
  });

  it('finds nothing true of what is not there but does_not_exist', () => {
    for (const op of [
      'equals',
      'not_equal',
      'exists',
      'does_not_match_regex',
      'not_in',
      'does_not_include_value',
      'less_than',
      'before',
    ]) {
      expect(compare(undefined, op, op === 'not_in' ? ['a'] : 'a')).toBe(false);
    }
    expect(compare(undefined, 'does_not_exist')).toBe(true);
  });

  it('never throws over the type of a value, on either side', () => {
    const values: Json[] = ['', 'x', 0, -1.5, true, null, [], [1], {}, { a: 1 }, '2026-11-24', '(', '{{', 'a\u0000'];
    const ops = [
      'equals',
      'matches_regex',
      'starts_with',
      'greater_than',
      'between',
      'in',
      'includes_value',
      'before',
      'less_than_x_days_ago',
      'day_of_year_is',
    ];
    for (const op of ops)
      for (const actual of values)
        for (const value of values) expect(typeof compare(actual, op, value)).toBe('boolean');
  });

  it('matches in linear time', () => {
    const started = performance.now();
    expect(compare('a'.repeat(50_000), 'matches_regex', '^(a+)+$')).toBe(true);
    expect(compare(`${'a'.repeat(50_000)}!`, 'matches_regex', '^(a+)+$')).toBe(false);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it("takes the day of the year in the profile's zone", () => {
    const birthday: Filter = { attribute: '$dob', op: 'day_of_year_is', value: 'today' };
    const born = (zone: string | undefined): Subject =>
      subject({ profile: { standard: { dob: '1990-11-24', ...(zone ? { time_zone: zone } : {}) } } });
    expect(holds(birthday, born('Asia/Seoul'))).toBe(true);
    expect(holds(birthday, born(undefined))).toBe(false);
    expect(holds(birthday, born('Not/AZone'))).toBe(false);
  });
});

describe('left sides', () => {
  const who = subject({
    custom: { plan: 'pro', address: { city: 'Bern' }, 'a.b': 1, a: { b: 2 } },
    profile: { standard: { first_name: 'Ada', dob: '1990-01-01', home_city: 'Bern' } },
    context: { cart: { id: 'c1' } },
    properties: { total: 25 },
  });

  it.each<[Filter]>([
    [{ attribute: 'plan', op: 'equals', value: 'pro' }],
    [{ attribute: 'address.city', op: 'equals', value: 'Bern' }],
    [{ attribute: 'a.b', op: 'equals', value: 1 }],
    [{ attribute: '$first_name', op: 'equals', value: 'Ada' }],
    [{ attribute: '$date_of_birth', op: 'equals', value: '1990-01-01' }],
    [{ attribute: '$city', op: 'equals', value: 'Bern' }],
    [{ attribute: '$user_id', op: 'equals', value: 'u1' }],
    [{ attribute: '$random_bucket_number', op: 'equals', value: 5000 }],
    [{ context: 'cart.id', op: 'equals', value: 'c1' }],
    [{ property: 'total', op: 'greater_than', value: 20 }],
    [{ attribute: 'first_name', op: 'does_not_exist' }],
    [{ attribute: 'constructor', op: 'does_not_exist' }],
    [{ attribute: '__proto__.x', op: 'does_not_exist' }],
  ])('%j', (filter) => {
    expect(holds(filter, who)).toBe(true);
  });
});

describe('liquid on the right', () => {
  const checkout: Filter = { property: 'cart_id', op: 'equals', value: '{{context.${cart_id}}}' };

  it('is rendered for the user at evaluation', () => {
    expect(holds(checkout, subject({ properties: { cart_id: 'c1' }, context: { cart_id: 'c1' } }))).toBe(true);
    expect(holds(checkout, subject({ properties: { cart_id: 'c1' }, context: { cart_id: 'c2' } }))).toBe(false);
  });

  it('means the number or boolean its text spells where it meets one', () => {
    expect(holds(checkout, subject({ properties: { cart_id: 42 }, context: { cart_id: 42 } }))).toBe(true);
    expect(
      holds(
        { property: 'total', op: 'greater_than', value: '{{context.${limit}}}' },
        subject({ properties: { total: 25 }, context: { limit: 20 } }),
      ),
    ).toBe(true);
    expect(
      holds(
        { property: 'vip', op: 'equals', value: '{{context.${vip}}}' },
        subject({ properties: { vip: true }, context: { vip: true } }),
      ),
    ).toBe(true);
  });

  it('gives JSON with | json, and works inside of lists', () => {
    const who = subject({ custom: { sku: 'b' }, context: { skus: ['a', 'b'], one: 'b' } });
    expect(holds({ attribute: 'sku', op: 'in', value: '{{context.${skus} | json}}' }, who)).toBe(true);
    expect(holds({ attribute: 'sku', op: 'in', value: ['x', '{{context.${one}}}'] }, who)).toBe(true);
  });

  it('does not hold when it cannot be rendered, and says why', () => {
    const verdict = evaluate(
      { attribute: 'x', op: 'equals', value: '{{ 1 | divided_by: 0 }}' },
      subject({ custom: { x: 1 } }),
      NOW,
    );
    expect(verdict).toEqual({ holds: false, why: 'x equals cannot be rendered: divided by 0 (line 1, column 1)' });
  });
});

describe('the past', () => {
  const who = subject({
    history: past([
      { name: 'bought', at: NOW - 3 * DAY, properties: { total: 10, cart: 'c1' } },
      { name: 'bought', at: NOW - 2 * DAY, properties: { total: 30, cart: 'c2' } },
    ]),
    context: { cart: 'c2' },
    properties: { cart: 'c9' },
    journeys: {
      welcome: { entered: NOW - 5 * DAY, inside: true, completed: null, converted: NOW - DAY, inControl: false },
    },
    webhooks: { '*': NOW - DAY, welcome: NOW - 3 * DAY },
  });

  it.each<[Filter, boolean]>([
    [{ event: 'bought' }, true],
    [{ event: 'sold' }, false],
    [{ event: 'bought', op: 'at_least', count: 2 }, true],
    [{ event: 'bought', op: 'exactly', count: 1, within: 'P2D' }, true],
    [{ event: 'bought', op: 'at_most', count: 1 }, false],
    [{ event: 'bought', op: 'exactly', count: 0, within: 'P1D' }, true],
    [{ event: 'bought', where: { property: 'total', op: 'greater_than', value: 20 } }, true],
    [{ event: 'bought', where: { property: 'total', op: 'greater_than', value: 40 } }, false],
    // Liquid on the right speaks of the user and the event at hand, the left of each event in the past.
    [{ event: 'bought', where: { property: 'cart', op: 'equals', value: '{{context.${cart}}}' } }, true],
    [{ event: 'bought', where: { property: 'cart', op: 'equals', value: '{{event_properties.${cart}}}' } }, false],
    [{ last_event: 'bought', op: 'less_than_x_days_ago', value: 3 }, true],
    [{ last_event: 'bought', op: 'before', value: '2026-11-22' }, false],
    [{ last_event: 'sold', op: 'greater_than_x_days_ago', value: 1 }, false],
    [{ journey: 'welcome', is: 'entered' }, true],
    [{ journey: 'welcome', is: 'entered', within: 'P1D' }, false],
    [{ journey: 'welcome', is: 'inside' }, true],
    [{ journey: 'welcome', is: 'completed' }, false],
    [{ journey: 'welcome', is: 'converted', within: 'P1D' }, true],
    [{ journey: 'welcome', is: 'in_control' }, false],
    [{ journey: 'other', is: 'entered' }, false],
    [{ webhook_sent: '*', within: 'P1D' }, true],
    [{ webhook_sent: 'welcome', within: 'P1D' }, false],
    [{ webhook_sent: 'other' }, false],
    [{ bucket: [5000, 9999] }, true],
    [{ bucket: [0, 4999] }, false],
    [{ subscription: 'email', is: 'subscribed' }, true],
    [{ subscription: 'news', is: 'unsubscribed' }, true],
    [{ segment: 'gone' }, false],
  ])('%j is %s', (filter, expected) => {
    expect(holds(filter, who)).toBe(expected);
  });
});

describe('what decided', () => {
  const pro: Filter = { attribute: 'plan', op: 'equals', value: 'pro' };
  const big: Filter = { property: 'total', op: 'greater_than', value: 20 };
  const why = (filter: Filter, who: Subject): string => evaluate(filter, who, NOW).why;

  it('names the comparison', () => {
    const who = subject({ custom: { plan: 'pro' }, properties: { total: 5 } });
    expect(why(pro, who)).toBe('plan equals "pro"');
    expect(why(big, who)).toBe('not (property total greater than 20)');
    expect(why({ all: [pro, big] }, who)).toBe('not (property total greater than 20)');
    expect(why({ any: [big, pro] }, who)).toBe('plan equals "pro"');
    expect(why({ all: [pro, { not: big }] }, who)).toBe('plan equals "pro" and not (property total greater than 20)');
    expect(why({ event: 'seen', op: 'at_least', count: 2, within: 'P7D' }, who)).toBe(
      'not (event "seen" at least 2 within P7D)',
    );
  });

  it('shows Liquid as it came out', () => {
    expect(
      why(
        { property: 'id', op: 'equals', value: '{{context.${id}}}' },
        subject({ properties: { id: 'a' }, context: { id: 'a' } }),
      ),
    ).toBe('property id equals "a"');
  });
});
