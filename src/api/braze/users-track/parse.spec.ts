import fc from 'fast-check';
import type { Json, JsonObject } from '../../../kernel/json.js';
import { parseTrack, type ParsedTrack } from './parse.js';

const TIME = '2026-01-02T03:04:05Z';
const AT = Date.parse(TIME);
const EVENT = { external_id: 'ada', name: 'opened', time: TIME };
const PURCHASE = { external_id: 'ada', product_id: 'shoe', currency: 'EUR', price: 9.5, time: TIME };

type Accepted = Extract<ParsedTrack, { ok: true }>;

function accept(body: unknown): Accepted {
  const parsed = parseTrack(body);
  if (!parsed.ok) throw new Error(`refused: ${parsed.message} ${parsed.errors.join()}`);
  return parsed;
}

/** What is wrong with a single item, or `null`. */
function problemOf(array: 'attributes' | 'events' | 'purchases', item: Json): string | null {
  const { problems, request } = accept({ [array]: [item] });
  expect(problems.length + request[array].length).toBe(1);
  return problems[0]?.problem ?? null;
}

describe('the body', () => {
  it.each([null, undefined, [], 'text', 5])('%j is refused', (body) => {
    expect(parseTrack(body)).toEqual({ ok: false, message: 'Bad Request', errors: ['the body must be a JSON object'] });
  });

  it('needs one of the arrays, and names those that are none', () => {
    expect(parseTrack({})).toEqual({
      ok: false,
      message: 'Bad Request',
      errors: ["one of 'attributes', 'events' and 'purchases' is required"],
    });
    expect(parseTrack({ attributes: {}, events: [], purchases: 'x' })).toEqual({
      ok: false,
      message: 'Bad Request',
      errors: ["'attributes' must be an array of objects", "'purchases' must be an array of objects"],
    });
  });

  it('takes 75 objects per array and refuses 76 with the exact text', () => {
    const of = (n: number) => Array.from({ length: n }, () => EVENT);
    expect(accept({ events: of(75), attributes: of(75) }).request.events).toHaveLength(75);
    expect(parseTrack({ events: of(76) })).toEqual({
      ok: false,
      message: 'Max Input Length Exceeded',
      errors: ["'events' has 76 objects, 75 are allowed"],
    });
    expect(parseTrack({ events: of(11) }, 10).ok).toBe(false);
  });

  it('says which arrays were sent, and passes over other keys', () => {
    expect(accept({ api_key: 'old', events: [], purchases: null }).sent).toEqual(['events']);
  });

  it('leaves bad items out, names them by place, and takes the others', () => {
    const { request, problems } = accept({
      events: [EVENT, 5, { ...EVENT, name: undefined }, EVENT],
      purchases: [null],
    });
    expect(request.events.map(({ index }) => index)).toEqual([0, 3]);
    expect(problems).toEqual([
      { array: 'events', index: 1, problem: 'must be an object' },
      { array: 'events', index: 2, problem: "'name' is required" },
      { array: 'purchases', index: 0, problem: 'must be an object' },
    ]);
  });

  it('never throws, whatever it is given', () => {
    const item = fc.oneof(
      fc.jsonValue(),
      fc.record({
        external_id: fc.jsonValue(),
        name: fc.jsonValue(),
        time: fc.jsonValue(),
        properties: fc.jsonValue(),
        user_alias: fc.jsonValue(),
        price: fc.jsonValue(),
        quantity: fc.jsonValue(),
      }),
    );
    const body = fc.record({ attributes: fc.array(item), events: fc.array(item), purchases: fc.array(item) });
    fc.assert(fc.property(body, (value) => accept(value).sent.length === 3));
  });
});

describe('identifiers', () => {
  const who = (item: JsonObject, array: 'attributes' | 'events' = 'attributes') =>
    accept({ [array]: [{ ...(array === 'events' ? { name: 'n', time: TIME } : {}), ...item }] }).request[array].map(
      ({ identity, mayCreate }) => ({ ...identity, mayCreate }),
    )[0];
  const user_alias = { alias_name: 'ada', alias_label: 'crm' };

  it('are read in the order external id, alias, Braze id, email, phone', () => {
    const all = { external_id: 'e', user_alias, braze_id: 'b', email: 'a@b.c', phone: '+15' };
    expect(who(all)).toEqual({ kind: 'external_id', value: 'e', mayCreate: true });
    expect(who({ ...all, external_id: null })).toEqual({ kind: 'alias', name: 'ada', label: 'crm', mayCreate: false });
    expect(who({ braze_id: 'b', email: 'a@b.c' })).toEqual({ kind: 'braze_id', value: 'b', mayCreate: false });
    expect(who({ phone: '+15', email: ' a@b.c' })).toEqual({ kind: 'email', value: 'a@b.c', mayCreate: true });
    expect(who({ phone: '+15' })).toEqual({ kind: 'phone', value: '+15', mayCreate: true });
  });

  it('_update_existing_only keeps from creating; an alias is created by attributes that say false, and by nothing else', () => {
    expect(who({ external_id: 'e', _update_existing_only: true })?.mayCreate).toBe(false);
    expect(who({ external_id: 'e', _update_existing_only: false })?.mayCreate).toBe(true);
    expect(who({ email: 'a@b.c', _update_existing_only: true })?.mayCreate).toBe(false);
    expect(who({ user_alias })?.mayCreate).toBe(false);
    expect(who({ user_alias, _update_existing_only: false })?.mayCreate).toBe(true);
    expect(who({ user_alias, _update_existing_only: false }, 'events')?.mayCreate).toBe(false);
    expect(who({ external_id: 'e' }, 'events')?.mayCreate).toBe(true);
  });

  it.each<[JsonObject, string]>([
    [{}, "'external_id', 'user_alias', 'braze_id', 'email' or 'phone' is required"],
    [{ external_id: 5 }, "'external_id' must be a string"],
    [{ external_id: '' }, "'external_id' must not be empty"],
    [{ external_id: 'a\0' }, "'external_id' must not contain U+0000"],
    [{ external_id: 'ü'.repeat(499) }, "'external_id' must not be longer than 997 bytes"],
    [{ user_alias: 'ada' }, "'user_alias' must be an object with 'alias_name' and 'alias_label'"],
    [{ user_alias: { alias_name: 'ada' } }, "'user_alias.alias_label' is required"],
    [{ user_alias: { alias_name: 1, alias_label: 'crm' } }, "'user_alias.alias_name' must be a string"],
    [{ email: 'nobody' }, "'email' is not a valid email address"],
    [{ phone: 'home' }, "'phone' is not a valid phone number"],
    [{ external_id: 'e', _update_existing_only: 'yes' }, "'_update_existing_only' must be true or false"],
  ])('%j: %s', (item, problem) => {
    expect(problemOf('attributes', item)).toBe(problem);
    expect(problemOf('events', { ...item, name: 'n', time: TIME })).toBe(problem);
  });
});

describe('events', () => {
  it('are read', () => {
    const properties = { plan: 'pro', items: [{ sku: 'a' }], n: 1 };
    expect(accept({ events: [{ ...EVENT, app_id: 'x', properties }] }).request.events).toEqual([
      {
        index: 0,
        identity: { kind: 'external_id', value: 'ada' },
        mayCreate: true,
        name: 'opened',
        at: AT,
        properties,
      },
    ]);
    expect(accept({ events: [EVENT] }).request.events[0]!.properties).toEqual({});
  });

  it.each<[JsonObject, string]>([
    [{ name: null }, "'name' is required"],
    [{ name: 7 }, "'name' must be a string"],
    [{ name: 'n'.repeat(256) }, "'name' must not be longer than 255 characters"],
    [{ name: 'a\0' }, "'name' must not contain U+0000"],
    [{ time: null }, "'time' is required"],
    [{ time: 1764000000 }, "'time' must be an ISO 8601 date"],
    [{ time: 'now' }, "'time' must be an ISO 8601 date"],
    [{ app_id: 1 }, "'app_id' must be a string"],
    [{ properties: [] }, "'properties' must be an object"],
    [{ properties: { time: 1 } }, "'properties.time' is a reserved name"],
    [{ properties: { event_name: 1 } }, "'properties.event_name' is a reserved name"],
    [{ properties: { $x: 1 } }, "'properties.$x' must not start with '$'"],
    [{ properties: { '': 1 } }, "'properties' has a property without a name"],
    [{ properties: { ['k'.repeat(256)]: 1 } }, "'properties' has a property whose name is longer than 255 characters"],
    [{ properties: { url: 'x'.repeat(256) } }, "'properties.url' must not be longer than 255 characters"],
    [{ properties: { a: { b: [{ $c: 1 }] } } }, "'properties.a.b.0.$c' must not start with '$'"],
    [
      { properties: { list: Array.from({ length: 500 }, () => 'x'.repeat(250)) } },
      "'properties' must not be larger than 100 KB",
    ],
  ])('%j: %s', (change, problem) => {
    expect(problemOf('events', { ...EVENT, ...change })).toBe(problem);
  });

  it('may be as large as the limit allows, and not deep without end', () => {
    expect(
      problemOf('events', { ...EVENT, properties: { list: Array.from({ length: 400 }, () => 'x'.repeat(250)) } }),
    ).toBeNull();
    expect(problemOf('events', { ...EVENT, properties: { [' '.repeat(255)]: '"'.repeat(255) } })).toBeNull();
    let deep: Json = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(problemOf('events', { ...EVENT, properties: { deep } })).toMatch(/nested too deeply$/);
  });
});

describe('purchases', () => {
  it('are read, one by default', () => {
    expect(
      accept({ purchases: [{ ...PURCHASE, currency: 'usd', properties: { size: 9 } }] }).request.purchases,
    ).toEqual([
      {
        index: 0,
        identity: { kind: 'external_id', value: 'ada' },
        mayCreate: true,
        productId: 'shoe',
        at: AT,
        currency: 'USD',
        price: 9.5,
        quantity: 1,
        properties: { size: 9 },
      },
    ]);
    expect(accept({ purchases: [{ ...PURCHASE, quantity: 100 }] }).request.purchases[0]!.quantity).toBe(100);
  });

  it.each<[JsonObject, string]>([
    [{ product_id: undefined as unknown as Json }, "'product_id' is required"],
    [{ product_id: 'p'.repeat(256) }, "'product_id' must not be longer than 255 characters"],
    [{ currency: null }, "'currency' must be an ISO 4217 code"],
    [{ currency: 'EURO' }, "'currency' must be an ISO 4217 code"],
    [{ price: null }, "'price' is required"],
    [{ price: '9.50' }, "'price' must be a number"],
    [{ price: JSON.parse('1e400') as number }, "'price' must be a number"],
    [{ quantity: 0 }, "'quantity' must be a whole number from 1 to 100"],
    [{ quantity: 101 }, "'quantity' must be a whole number from 1 to 100"],
    [{ quantity: 1.5 }, "'quantity' must be a whole number from 1 to 100"],
    [{ time: 'x' }, "'time' must be an ISO 8601 date"],
    [
      { properties: { list: Array.from({ length: 250 }, () => 'x'.repeat(250)) } },
      "'properties' must not be larger than 50 KB",
    ],
  ])('%j: %s', (change, problem) => {
    expect(problemOf('purchases', { ...PURCHASE, ...change })).toBe(problem);
  });
});
