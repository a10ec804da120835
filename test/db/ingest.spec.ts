import { VirtualClock } from '../../src/kernel/clock.js';
import { laneOf } from '../../src/kernel/lanes.js';
import { isId, laneOfId } from '../../src/kernel/ids.js';
import { IngestService } from '../../src/profiles/ingest.service.js';
import { showProfile } from '../../src/profiles/profile-view.reader.js';
import { alias, attributes, email, event, external, NotingListener, purchase, request } from '../support/ingest.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

const NOW = Date.parse('2026-06-01T12:00:00Z');
const iso = (at: number): string => new Date(at).toISOString();

let db: TestDatabase;
const clock = new VirtualClock(NOW);

beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  clock.set(NOW);
  await db.database.query('truncate profile, identity, event, event_count');
});

const ingest = (listener = new NotingListener()): IngestService => new IngestService(db.database, listener, clock);
const show = (externalId: string): Promise<unknown> => showProfile(db.database, 1, externalId);
const count = async (table: string): Promise<number> =>
  (await db.database.query<{ n: number }>(`select count(*)::integer as n from ${table}`))[0]!.n;

describe('track', () => {
  it('creates the profile, in the lane of its first identity', async () => {
    await ingest().track(1, request({ attributes: [attributes('ada', { first_name: 'Ada', plan: 'pro' })] }));
    const [row] = await db.database.query<{ lane: number; id: string; bucket: number }>(
      'select lane, id, bucket from profile',
    );
    expect(row!.lane).toBe(laneOf('external_id', 'ada'));
    expect(isId(row!.id) && laneOfId(row!.id)).toBe(row!.lane);
    expect(row!.bucket).toBeGreaterThanOrEqual(0);
    expect(row!.bucket).toBeLessThan(10_000);
    expect(await show('ada')).toMatchObject({
      external_id: 'ada',
      braze_id: row!.id,
      first_name: 'Ada',
      custom_attributes: { plan: 'pro' },
      created_at: iso(NOW),
    });
  });

  it('stores events and purchases, and counts a purchase of three as three', async () => {
    await ingest().track(
      1,
      request({
        events: [
          event('ada', 'opened', NOW - 86_400_000),
          event('ada', 'opened', NOW - 5),
          event('ada', 'opened', NOW - 9),
        ],
        purchases: [purchase('ada', 'shoe', 3, NOW - 7)],
      }),
    );
    expect(await show('ada')).toMatchObject({
      custom_events: [{ name: 'opened', first: iso(NOW - 86_400_000), last: iso(NOW - 5), count: 3 }],
      purchases: [{ name: 'shoe', first: iso(NOW - 7), last: iso(NOW - 7), count: 3 }],
    });
    expect(
      await db.database.query(
        `select name, currency, price::float8 as price, quantity, properties from event order by at, name`,
      ),
    ).toEqual([
      { name: 'opened', currency: null, price: null, quantity: null, properties: { from: 'test' } },
      { name: 'opened', currency: null, price: null, quantity: null, properties: { from: 'test' } },
      { name: 'shoe', currency: 'EUR', price: 9.99, quantity: 3, properties: {} },
      { name: 'opened', currency: null, price: null, quantity: null, properties: { from: 'test' } },
    ]);
    expect(
      await db.database.query(`select day::text, count from event_count where name = 'opened' order by day`),
    ).toEqual([
      { day: '2026-05-31', count: 1 },
      { day: '2026-06-01', count: 2 },
    ]);
  });

  it('stores a future time as now (acceptance case 36)', async () => {
    await ingest().track(1, request({ events: [event('ada', 'opened', NOW + 60_000)] }));
    expect(await show('ada')).toMatchObject({ custom_events: [{ last: iso(NOW) }] });
  });

  it('keeps every event, also equal ones', async () => {
    const service = ingest();
    await service.track(1, request({ events: [event('ada', 'opened', NOW), event('ada', 'opened', NOW)] }));
    await service.track(1, request({ events: [event('ada', 'opened', NOW)] }));
    expect(await show('ada')).toMatchObject({ custom_events: [{ count: 3 }] });
  });

  it('applies requests of one group in the order they came, attributes of one request first', async () => {
    const listener = new NotingListener(['event:bought']);
    const service = ingest(listener);
    await Promise.all([
      service.track(1, request({ attributes: [attributes('ada', { n: 1 }), attributes('ada', { n: { inc: 1 } })] })),
      service.track(
        1,
        request({ attributes: [attributes('ada', { n: { inc: 10 } })], events: [event('ada', 'bought', NOW)] }),
      ),
    ]);
    expect(await show('ada')).toMatchObject({ custom_attributes: { n: 12 } });
    // Acceptance case 35: what an event triggers sees the attributes sent along.
    expect(listener.batches).toHaveLength(1);
    const [batch] = listener.batches;
    expect([...batch!.profiles.values()].map(({ before, after }) => [before, after.custom])).toEqual([
      [null, { n: 12 }],
    ]);
  });

  it('takes the valid attributes and names the others', async () => {
    const result = await ingest().track(
      1,
      request({ attributes: [attributes('ada', { email: 'nobody', plan: 'pro' })] }),
    );
    expect(result).toEqual({
      processed: { attributes: 1, events: 0, purchases: 0 },
      problems: [{ array: 'attributes', index: 0, problem: "'email' is not a valid email address" }],
    });
    expect(await show('ada')).toMatchObject({ custom_attributes: { plan: 'pro' } });
  });

  it('stores characters that the database refuses as replacement characters', async () => {
    await ingest().track(1, request({ attributes: [attributes('ada', { note: 'a\0b\ud800' })] }));
    expect(await show('ada')).toMatchObject({ custom_attributes: { note: 'a\ufffdb\ufffd' } });
  });

  it('workspaces do not see each other', async () => {
    const service = ingest();
    await Promise.all([
      service.track(1, request({ attributes: [attributes('ada', { in: 1 })] })),
      service.track(2, request({ attributes: [attributes('ada', { in: 2 })] })),
    ]);
    expect(await show('ada')).toMatchObject({ custom_attributes: { in: 1 } });
    expect(await showProfile(db.database, 2, 'ada')).toMatchObject({ custom_attributes: { in: 2 } });
    expect(await show('bob')).toBeNull();
  });
});

describe('identities', () => {
  it('an item that only updates is passed over where there is nobody', async () => {
    const result = await ingest().track(
      1,
      request({ attributes: [attributes('ada', { a: 1 }, false)], events: [event('ada', 'opened', NOW, false)] }),
    );
    expect(result.processed).toEqual({ attributes: 1, events: 1, purchases: 0 });
    expect(await count('profile')).toBe(0);
    expect(await count('event')).toBe(0);
  });

  it('before the item that creates its profile, too, but not after it', async () => {
    await ingest().track(
      1,
      request({
        attributes: [
          attributes('ada', { a: 1 }, false),
          attributes('ada', { b: 1 }),
          attributes('ada', { c: 1 }, false),
        ],
        events: [event('bob', 'opened', NOW, false)],
        purchases: [purchase('bob', 'shoe', 1, NOW)],
      }),
    );
    expect(await show('ada')).toMatchObject({ custom_attributes: { b: 1, c: 1 } });
    expect(await show('bob')).toMatchObject({ custom_events: [], purchases: [{ name: 'shoe' }] });
  });

  it('an alias finds the profile it created', async () => {
    const service = ingest();
    await service.track(1, request({ attributes: [attributes(alias('ada'), { n: 1 }, true)] }));
    await service.track(
      1,
      request({
        attributes: [attributes(alias('ada'), { n: { inc: 1 } }, false)],
        events: [event(alias('ada', 'other'), 'x', NOW, false)],
      }),
    );
    expect(await db.database.query('select external_id, aliases, custom from profile')).toEqual([
      { external_id: null, aliases: [{ alias_name: 'ada', alias_label: 'crm' }], custom: { n: 2 } },
    ]);
  });

  it('a Braze id finds, and never creates', async () => {
    const service = ingest();
    await service.track(1, request({ attributes: [attributes('ada', { n: 1 })] }));
    const [row] = await db.database.query<{ id: string }>('select id from profile');
    const by = (value: string) => request({ attributes: [attributes({ kind: 'braze_id', value }, { n: { inc: 1 } })] });
    await service.track(1, by(row!.id));
    await service.track(1, by('01900000-0000-7000-8000-000000000000'));
    await service.track(1, by('not an id'));
    await service.track(2, by(row!.id));
    expect(await show('ada')).toMatchObject({ custom_attributes: { n: 2 } });
    expect(await count('profile')).toBe(1);
  });

  it('an unknown address makes a profile of its own, whatever its case', async () => {
    const service = ingest();
    await Promise.all([
      service.track(1, request({ events: [event(email('Ada@Example.com'), 'opened', NOW)] })),
      service.track(1, request({ events: [event(email('ada@example.com'), 'opened', NOW)] })),
    ]);
    await service.track(1, request({ events: [event(email('ADA@example.com'), 'opened', NOW)] }));
    await service.track(
      1,
      request({ attributes: [attributes({ kind: 'phone', value: '+15550100' }, { phone: '+15550100', a: 1 })] }),
    );
    await service.track(
      1,
      request({ attributes: [attributes({ kind: 'phone', value: '+15550100' }, { a: { inc: 1 } })] }),
    );
    expect(
      await db.database.query('select external_id, aliases, standard, custom from profile order by standard'),
    ).toEqual([
      { external_id: null, aliases: [], standard: { email: 'Ada@Example.com' }, custom: {} },
      { external_id: null, aliases: [], standard: { phone: '+15550100' }, custom: { a: 2 } },
    ]);
    expect((await db.database.query<{ count: number }>('select count from event_count'))[0]!.count).toBe(3);
  });

  it('of several with one address, an identified one is preferred, then the one updated last', async () => {
    const service = ingest();
    await service.track(1, request({ attributes: [attributes(email('x@y.z'), { email: 'x@y.z' })] }));
    for (const who of ['a', 'b', 'c']) {
      clock.advance(1000);
      await service.track(1, request({ attributes: [attributes(who, { email: 'X@y.z' })] }));
    }
    clock.advance(1000);
    await service.track(1, request({ attributes: [attributes('b', { plan: 'pro' })] }));
    await service.track(1, request({ events: [event(email('x@y.z'), 'opened', NOW)] }));
    expect(await show('b')).toMatchObject({ custom_events: [{ name: 'opened', count: 1 }] });
  });

  it('an address that the same request gives to somebody is that one’s', async () => {
    await ingest().track(
      1,
      request({
        attributes: [attributes('ada', { email: 'ada@x.y', phone: '+1555' })],
        events: [event(email('ADA@x.y'), 'opened', NOW), event({ kind: 'phone', value: '+1555' }, 'opened', NOW)],
      }),
    );
    expect(await count('profile')).toBe(1);
    expect(await show('ada')).toMatchObject({ custom_events: [{ count: 2 }] });
  });

  it('a subscription change is also applied to others with the same address', async () => {
    const listener = new NotingListener(['subscription:news']);
    const service = ingest(listener);
    for (const who of ['ada', 'twin'])
      await service.track(1, request({ attributes: [attributes(who, { email: 'ada@x.y' })] }));
    await service.track(1, request({ attributes: [attributes('other', { email: 'other@x.y' })] }));
    const news = [{ subscription_group_id: 'news', subscription_state: 'unsubscribed' }];
    await service.track(
      1,
      request({
        attributes: [attributes('ada', { subscription_groups: news, email_subscribe: 'unsubscribed', plan: 'pro' })],
      }),
    );
    for (const who of ['ada', 'twin']) {
      expect(await show(who)).toMatchObject({ email_subscribe: 'unsubscribed', subscription_groups: news });
    }
    expect(await show('twin')).toMatchObject({ custom_attributes: {} });
    expect(await show('other')).toMatchObject({ email_subscribe: 'subscribed', subscription_groups: [] });
    expect(
      listener.batches.flatMap(({ profiles }) => [...profiles.values()].map(({ after }) => after.externalId)).sort(),
    ).toEqual(['ada', 'twin']);
  });
});

describe('the listener', () => {
  it('hears what it asked for, with the profile before and after', async () => {
    const listener = new NotingListener(['event:bought', 'attribute:plan']);
    const service = ingest(listener);
    await service.track(1, request({ attributes: [attributes('ada', { plan: 'free', city: 'Rome' })] }));
    await service.track(
      1,
      request({ attributes: [attributes('ada', { city: 'Oslo' })], events: [event('ada', 'looked', NOW)] }),
    );
    await service.track(
      1,
      request({
        attributes: [attributes('ada', { plan: 'pro' })],
        events: [event('ada', 'bought', NOW + 5), event('ada', 'looked', NOW)],
      }),
    );
    expect(
      listener.batches.map(({ happenings }) =>
        happenings.map(({ kind, name, changed }) => [kind, name, changed?.length]),
      ),
    ).toEqual([
      [['attributes', '', 2]],
      [
        ['attributes', '', 1],
        ['event', 'bought', undefined],
      ],
    ]);
    const { workspace, now, depth, profiles, happenings } = listener.batches[1]!;
    expect({ workspace, now, depth }).toEqual({ workspace: 1, now: NOW, depth: 0 });
    expect(happenings[1]).toMatchObject({ at: NOW, properties: { from: 'test' } });
    const { lane, before, after } = profiles.get(happenings[1]!.profileId)!;
    expect(lane).toBe(happenings[1]!.lane);
    expect([before!.custom, after.custom]).toEqual([
      { plan: 'free', city: 'Oslo' },
      { plan: 'pro', city: 'Oslo' },
    ]);
  });

  it('hears a purchase of any product with its price', async () => {
    const listener = new NotingListener(['purchase:*']);
    await ingest(listener).track(1, request({ purchases: [purchase('ada', 'shoe', 2, NOW)] }));
    expect(listener.batches[0]!.happenings[0]).toMatchObject({
      kind: 'purchase',
      name: 'shoe',
      currency: 'EUR',
      price: 9.99,
      quantity: 2,
    });
  });

  it('is told inside the transaction: what it writes and what was tracked are kept or lost together', async () => {
    const listener = new NotingListener(['event:bought']);
    listener.onReact = async (tx, { happenings }) => {
      await tx.query(`insert into signal (lane, entry_id, id, body) values (0, $1, $1, '{}')`, [
        happenings[0]!.profileId,
      ]);
      throw new Error('no');
    };
    const service = ingest(listener);
    await expect(
      service.track(1, request({ attributes: [attributes('ada', { a: 1 })], events: [event('ada', 'bought', NOW)] })),
    ).rejects.toThrow('no');
    for (const table of ['profile', 'identity', 'event', 'event_count', 'signal'])
      expect([table, await count(table)]).toEqual([table, 0]);
  });

  it('a request that cannot be stored harms no other of its group', async () => {
    const listener = new NotingListener(['event:poison']);
    listener.onReact = () => Promise.reject(new Error('no'));
    const service = ingest(listener);
    const outcomes = await Promise.allSettled([
      service.track(1, request({ events: [event('ada', 'opened', NOW)] })),
      service.track(1, request({ events: [event('bob', 'opened', NOW), event('bob', 'poison', NOW)] })),
      service.track(1, request({ attributes: [attributes('eve', { a: 1 })] })),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await show('bob')).toBeNull();
    expect(await show('ada')).toMatchObject({ custom_events: [{ count: 1 }] });
    expect(await show('eve')).toMatchObject({ custom_attributes: { a: 1 } });
  });

  it('events that nobody listens to leave the profile row alone', async () => {
    const service = ingest();
    await service.track(1, request({ attributes: [attributes('ada', { a: 1 })] }));
    const version = () => db.database.query(`select xmin::text, xmax::text, ctid::text from profile`);
    const before = await version();
    await service.track(1, request({ events: [event('ada', 'opened', NOW)] }));
    await service.track(
      1,
      request({ attributes: [attributes('ada', {})], events: [event(external('ada'), 'opened', NOW)] }),
    );
    expect((await version()).map((row) => ({ ...row, xmax: 0 }))).toEqual(before.map((row) => ({ ...row, xmax: 0 })));
  });
});
