import fc from 'fast-check';
import type { Json, JsonObject } from '../kernel/json.js';
import type { ProfileFacts } from '../segments/subject.js';
import { mergeAttributes, type Merge } from './merge.js';

const NOW = Date.parse('2026-06-01T00:00:00Z');

function profile(parts: Partial<ProfileFacts> = {}): ProfileFacts {
  return {
    id: '01900000-0000-7000-8000-000000000000',
    externalId: 'ada',
    aliases: [],
    standard: {},
    custom: {},
    subscriptions: {},
    bucket: 1,
    createdAt: 0,
    ...parts,
  };
}

const merge = (attributes: JsonObject, parts: Partial<ProfileFacts> = {}): Merge =>
  mergeAttributes(profile(parts), attributes, NOW);

/** What the custom attribute `x` is after `value` was sent for it. */
function custom(value: Json, current?: Json): { x: Json | undefined; problems: string[] } {
  const { profile: after, problems } = merge({ x: value }, current === undefined ? {} : { custom: { x: current } });
  return { x: after.custom['x'], problems };
}

describe('plain custom attributes', () => {
  it.each<[Json]>([['pro'], [''], [3], [0.5], [-1], [true], [false]])('%j replaces what was there', (value) => {
    expect(custom(value, 'old')).toEqual({ x: value, problems: [] });
  });

  it('null removes', () => {
    const { profile: after, changes } = merge({ plan: null, never: null }, { custom: { plan: 'pro', city: 'Rome' } });
    expect(after.custom).toEqual({ city: 'Rome' });
    expect(changes).toEqual([{ kind: 'attribute', name: 'plan', from: 'pro', to: undefined }]);
  });

  it('tells what changed, from what to what', () => {
    const { changed, changes } = merge({ plan: 'pro', same: 1, email: 'a@b.c' }, { custom: { plan: 'free', same: 1 } });
    expect(changed).toEqual(['plan', '$email']);
    expect(changes).toEqual([
      { kind: 'attribute', name: 'plan', from: 'free', to: 'pro' },
      { kind: 'attribute', name: '$email', from: undefined, to: 'a@b.c' },
    ]);
  });

  it('gives the same profile when nothing changes, and never changes the one it was given', () => {
    const before = profile({ custom: { plan: 'pro', tags: ['a'] } });
    expect(mergeAttributes(before, { plan: 'pro', tags: ['a'] }, NOW).profile).toBe(before);
    mergeAttributes(Object.freeze(before), { plan: 'free', tags: { add: ['b'] } }, NOW);
    expect(before.custom).toEqual({ plan: 'pro', tags: ['a'] });
  });

  it.each(['$secret', '__proto__', '', 'n'.repeat(256)])('refuses the name %j and applies the others', (name) => {
    const attributes = JSON.parse(`{${JSON.stringify(name)}: 1, "plan": "pro"}`) as JsonObject;
    const { profile: after, problems } = merge(attributes);
    expect(after.custom).toEqual({ plan: 'pro' });
    expect(problems).toHaveLength(1);
  });

  it('identifiers and flags are no attributes', () => {
    const { profile: after, changed } = merge({
      external_id: 'x',
      braze_id: 'y',
      user_alias: { alias_name: 'n', alias_label: 'l' },
      app_id: 'a',
      _update_existing_only: true,
      push_token_import: false,
      _merge_objects: true,
    });
    expect(after).toEqual(profile());
    expect(changed).toEqual([]);
  });
});

describe('inc', () => {
  it('adds, also negative amounts, and starts from nothing', () => {
    expect(custom({ inc: 2 }, 5).x).toBe(7);
    expect(custom({ inc: -7 }, 5).x).toBe(-2);
    expect(custom({ inc: 3 }).x).toBe(3);
  });

  it('leaves what is no number, and says so', () => {
    expect(custom({ inc: 1 }, 'five')).toEqual({
      x: 'five',
      problems: ["'x' is not a number and cannot be incremented"],
    });
    expect(custom({ inc: 'one' }, 5)).toEqual({ x: 5, problems: ["'x' 'inc' must be a number"] });
  });
});

describe('arrays', () => {
  it('hold unique values; a value given again stands at its last place', () => {
    expect(custom(['a', 'b', 'a']).x).toEqual(['b', 'a']);
  });

  it('add appends, and moves an existing value to the end (acceptance case 38)', () => {
    expect(custom({ add: ['c'] }, ['a', 'b']).x).toEqual(['a', 'b', 'c']);
    expect(custom({ add: ['a'] }, ['a', 'b']).x).toEqual(['b', 'a']);
    expect(custom({ add: ['a'] }).x).toEqual(['a']);
  });

  it('remove takes out, and unknown values are fine', () => {
    expect(custom({ remove: ['a', 'z'] }, ['a', 'b']).x).toEqual(['b']);
    expect(custom({ remove: ['a'], add: ['c'] }, ['a', 'b']).x).toEqual(['b', 'c']);
  });

  it('keep the last 25 values', () => {
    const many = Array.from({ length: 30 }, (_, i) => i);
    expect(custom(many).x).toEqual(many.slice(5));
    expect(custom({ add: [30] }, many.slice(5)).x).toEqual([...many.slice(6), 30]);
    expect(mergeAttributes(profile(), { x: many }, NOW, 100).profile.custom['x']).toEqual(many);
  });

  it('cannot be changed where there is none', () => {
    expect(custom({ add: ['a'] }, 'text')).toEqual({ x: 'text', problems: ["'x' is not an array"] });
  });

  it.each<[Json]>([[['a', null]], [[['a']]], [['a', { b: 1 }]], [{ add: [null] }], [{ remove: [{}] }]])(
    '%j is refused',
    (value) => {
      const { x, problems } = custom(value, ['kept']);
      expect(x).toEqual(['kept']);
      expect(problems).toHaveLength(1);
    },
  );

  it('after any sequence of operators: unique, at most 25, what was added last is last', () => {
    const step = fc.record({ op: fc.constantFrom('add', 'remove'), value: fc.integer({ min: 0, max: 40 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        let current = profile();
        for (const { op, value } of steps) {
          current = mergeAttributes(current, { x: { [op]: [value] } }, NOW).profile;
          const items = current.custom['x'] as number[];
          expect(new Set(items).size).toBe(items.length);
          expect(items.length).toBeLessThanOrEqual(25);
          if (op === 'add') expect(items.at(-1)).toBe(value);
          else expect(items).not.toContain(value);
        }
      }),
    );
  });
});

describe('nested objects', () => {
  it('are set as a whole', () => {
    expect(custom({ city: 'Rome', geo: { lat: 1 } }, { zip: '1' }).x).toEqual({ city: 'Rome', geo: { lat: 1 } });
  });

  it.each<[Json]>([
    [{ city: 'Rome', zip: null }],
    [{ geo: { lat: null } }],
    [{ list: [1, null] }],
    [{ $bad: 1 }],
    [{ since: { $time: 'yesterday' } }],
  ])('one null or invalid value in %j drops the whole nested update (acceptance case 39)', (value) => {
    const { profile: after, problems } = merge({ x: value, plan: 'pro' }, { custom: { x: { city: 'Oslo' } } });
    expect(after.custom).toEqual({ x: { city: 'Oslo' }, plan: 'pro' });
    expect(problems).toEqual(["'x' holds null or an invalid value; nothing of it was changed"]);
  });

  it('_merge_objects merges key by key', () => {
    const { profile: after } = merge(
      { _merge_objects: true, x: { geo: { lat: 2 }, zip: '9' } },
      { custom: { x: { city: 'Oslo', geo: { lat: 1, lon: 3 } } } },
    );
    expect(after.custom['x']).toEqual({ city: 'Oslo', geo: { lat: 2, lon: 3 }, zip: '9' });
  });

  it('may not grow beyond 100 KB or without end in depth', () => {
    expect(custom({ text: 'x'.repeat(101 * 1024) }).problems).toEqual(["'x' must not be larger than 100 KB"]);
    expect(custom('x'.repeat(101 * 1024)).problems).toEqual(["'x' must not be larger than 100 KB"]);
    let deep: Json = 1;
    for (let i = 0; i < 10_000; i++) deep = { a: deep };
    expect(custom(deep).problems).toHaveLength(1);
    expect(merge({ facebook: { deep } }).problems).toHaveLength(1);
  });
});

describe('arrays of objects', () => {
  const pets = [
    { id: 1, name: 'Rex' },
    { id: 2, name: 'Tom' },
  ];

  it('are set as a whole, equal objects included', () => {
    expect(custom([{ a: 1 }, { a: 1 }]).x).toEqual([{ a: 1 }, { a: 1 }]);
  });

  it('$add appends', () => {
    expect(custom({ $add: [{ id: 3 }] }, pets).x).toEqual([...pets, { id: 3 }]);
    expect(custom({ $add: [{ id: 3 }] }).x).toEqual([{ id: 3 }]);
  });

  it('$remove takes an equal object, or an identifier', () => {
    expect(custom({ $remove: [{ name: 'Rex', id: 1 }] }, pets).x).toEqual([pets[1]]);
    expect(custom({ $remove: [{ id: 1 }] }, pets).x).toEqual(pets);
    expect(custom({ $remove: [{ $identifier_key: 'id', $identifier_value: 2 }] }, pets).x).toEqual([pets[0]]);
  });

  it('$update overrides the keys it has', () => {
    const update = { $update: [{ $identifier_key: 'id', $identifier_value: 2, $new_object: { name: 'Kit', age: 3 } }] };
    expect(custom(update, pets).x).toEqual([pets[0], { id: 2, name: 'Kit', age: 3 }]);
  });

  it.each<[Json]>([
    [{ $add: ['text'] }],
    [{ $add: [{ a: null }] }],
    [{ $remove: ['text'] }],
    [{ $update: [{ $identifier_key: 'id', $new_object: 'x' }] }],
  ])('%j is refused', (value) => {
    const { x, problems } = custom(value, pets);
    expect(x).toEqual(pets);
    expect(problems).toHaveLength(1);
  });

  it('operators need an array of objects', () => {
    expect(custom({ $add: [{ a: 1 }] }, ['a']).problems).toEqual(["'x' is not an array of objects"]);
  });
});

describe('dates', () => {
  it('$time is kept in UTC, wherever it stands', () => {
    expect(custom({ $time: '2026-01-02T03:04:05+01:00' }).x).toBe('2026-01-02T02:04:05.000Z');
    expect(custom({ since: { $time: '01/02/2026' } }).x).toEqual({ since: '2026-01-02T00:00:00.000Z' });
    expect(custom([{ since: { $time: '2026-01-02' } }]).x).toEqual([{ since: '2026-01-02T00:00:00.000Z' }]);
  });

  it('a year after 3000 is stored as the string it is; what is no date is refused', () => {
    expect(custom({ $time: '3001-01-01' }).x).toBe('3001-01-01');
    expect(custom({ $time: 'soon' }, 'old')).toEqual({ x: 'old', problems: ["'x' '$time' is not a valid date"] });
  });
});

describe('standard attributes', () => {
  it.each<[string, Json, Json]>([
    ['first_name', 'Ada', 'Ada'],
    ['home_city', 'Zürich', 'Zürich'],
    ['email', ' ada@example.com ', 'ada@example.com'],
    ['phone', '+15551234567', '+15551234567'],
    ['country', 'us', 'US'],
    ['country', 'South Korea', 'KR'],
    ['country', 'UK', 'GB'],
    ['language', 'EN', 'en'],
    ['language', 'pt_BR', 'pt'],
    ['language', 'Korean', 'ko'],
    ['time_zone', 'Asia/Seoul', 'Asia/Seoul'],
    ['time_zone', 'Pacific Time (US & Canada)', 'America/Los_Angeles'],
    ['dob', '1990-02-28', '1990-02-28'],
    ['gender', 'f', 'F'],
    ['current_location', { longitude: -73.9, latitude: 40.7, extra: 1 }, { longitude: -73.9, latitude: 40.7 }],
    ['date_of_last_session', '2026-01-02', '2026-01-02T00:00:00.000Z'],
    ['marked_email_as_spam_at', '2026-01-02T00:00:00Z', '2026-01-02T00:00:00.000Z'],
    ['email_open_tracking_disabled', true, true],
    ['facebook', { id: '1', likes: ['a'] }, { id: '1', likes: ['a'] }],
    ['push_tokens', [{ app_id: 'a', token: 't', junk: 1 }], [{ app_id: 'a', token: 't' }]],
  ])('%s: %j is kept as %j', (name, value, expected) => {
    const { profile: after, problems } = merge({ [name]: value });
    expect(problems).toEqual([]);
    expect(after.standard[name]).toEqual(expected);
    expect(after.custom).toEqual({});
  });

  it.each<[string, Json]>([
    ['first_name', 5],
    ['last_name', 'x'.repeat(256)],
    ['email', 'nobody'],
    ['email', `${'x'.repeat(250)}@example.com`],
    ['phone', 'call me'],
    ['language', 'klingon'],
    ['time_zone', 'Mars/Olympus'],
    ['time_zone', '+01:00'],
    ['dob', '28.02.1990'],
    ['dob', '2026-06-02'],
    ['gender', 'X'],
    ['current_location', { longitude: 200, latitude: 0 }],
    ['date_of_first_session', 'once'],
    ['email_click_tracking_disabled', 'yes'],
    ['twitter', '@ada'],
    ['push_tokens', ['t']],
  ])('%s: %j is skipped and named, the value stays', (name, value) => {
    const { profile: after, problems } = merge({ [name]: value, plan: 'pro' }, { standard: { [name]: 'kept' } });
    expect(after.standard).toEqual({ [name]: 'kept' });
    expect(after.custom).toEqual({ plan: 'pro' });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^'${name}' `));
  });

  it('a country that cannot be mapped becomes null', () => {
    const { profile: after, problems } = merge({ country: 'Atlantis' }, { standard: { country: 'US' } });
    expect(after.standard).toEqual({});
    expect(problems).toEqual(["'country' is not a known country"]);
  });

  it('null removes', () => {
    expect(merge({ gender: null }, { standard: { gender: 'F', email: 'a@b.c' } }).profile.standard).toEqual({
      email: 'a@b.c',
    });
  });
});

describe('subscriptions', () => {
  it('email_subscribe and push_subscribe take three states', () => {
    const { profile: after, changes } = merge({ email_subscribe: 'opted_in', push_subscribe: 'unsubscribed' });
    expect(after.subscriptions).toEqual({ email: 'opted_in', push: 'unsubscribed' });
    expect(changes[0]).toEqual({ kind: 'subscription', name: 'email', from: undefined, to: 'opted_in' });
  });

  it('groups take two; a wrong one is named and the others are applied', () => {
    const {
      profile: after,
      problems,
      changed,
    } = merge({
      subscription_groups: [
        { subscription_group_id: 'news', subscription_state: 'subscribed' },
        { subscription_group_id: 'sms', subscription_state: 'opted_in' },
        { subscription_state: 'subscribed' },
        { subscription_group_id: 'offers', subscription_state: 'unsubscribed' },
      ],
    });
    expect(after.subscriptions).toEqual({ news: 'subscribed', offers: 'unsubscribed' });
    expect(changed).toEqual(['subscription:news', 'subscription:offers']);
    expect(problems).toEqual([
      "'subscription_groups[1].subscription_state' must be one of subscribed, unsubscribed",
      "'subscription_groups[2]' must have a 'subscription_group_id'",
    ]);
  });

  it('a group named twice has one change, or none when it ends as it was', () => {
    const twice = (first: string, second: string): JsonObject => ({
      subscription_groups: [
        { subscription_group_id: 'news', subscription_state: first },
        { subscription_group_id: 'news', subscription_state: second },
      ],
    });
    expect(merge(twice('subscribed', 'unsubscribed')).changes).toEqual([
      { kind: 'subscription', name: 'news', from: undefined, to: 'unsubscribed' },
    ]);
    const parts = { subscriptions: { news: 'subscribed' } };
    expect(merge(twice('unsubscribed', 'subscribed'), parts).changes).toEqual([]);
  });
});
