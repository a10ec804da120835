import { systemClock } from '../../src/kernel/clock.js';
import { IngestService } from '../../src/profiles/ingest.service.js';
import { readProfiles, resolveIdentities } from '../../src/profiles/profiles.reader.js';
import { createProfiles } from '../../src/profiles/profiles.store.js';
import { attributes, email, event, external, NotingListener, request } from '../support/ingest.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

let db: TestDatabase;

beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  await db.database.query('truncate profile, identity, event, event_count');
});

const one = async <R extends object>(text: string): Promise<R> => (await db.database.query<R>(text))[0]!;
const deadlocks = async (): Promise<number> =>
  (await one<{ n: number }>('select deadlocks::integer as n from pg_stat_database where datname = current_database()'))
    .n;

/** As many services as there would be processes; their groups know nothing of each other. */
const services = (n: number, listener = new NotingListener(['event:a'])): IngestService[] =>
  Array.from(
    { length: n },
    () =>
      new IngestService(db.database, listener, systemClock, {
        groupSize: 40,
        maxInFlight: 2,
        lingerMs: 1,
        maxWaiting: 100_000,
      }),
  );

describe('groups at the same time', () => {
  it('create each profile once, lose no update, and never deadlock, whatever the order', async () => {
    const before = await deadlocks();
    const names = Array.from({ length: 60 }, (_, i) => `user-${i}`);
    const all = services(4).flatMap((service, s) =>
      Array.from({ length: 10 }, () => {
        const order = s % 2 === 0 ? names : [...names].reverse();
        return service.track(
          1,
          request({
            attributes: order.map((name) => attributes(name, { n: { inc: 1 } })),
            events: order.map((name) => event(name, 'a', Date.now())),
          }),
        );
      }),
    );
    const outcomes = await Promise.allSettled(all);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(
      await one(
        "select count(*)::integer as profiles, min((custom ->> 'n')::integer) as low, max((custom ->> 'n')::integer) as high from profile",
      ),
    ).toEqual({ profiles: 60, low: 40, high: 40 });
    expect(await one('select count(*)::integer as identities from identity')).toEqual({ identities: 60 });
    expect(
      await one('select count(*)::integer as events, count(distinct profile_id)::integer as profiles from event'),
    ).toEqual({ events: 2400, profiles: 60 });
    expect(await one('select sum(count)::integer as counted from event_count')).toEqual({ counted: 2400 });
    expect(
      await one(
        'select count(*)::integer as strays from event e where not exists (select from profile p where p.lane = e.lane and p.id = e.profile_id)',
      ),
    ).toEqual({ strays: 0 });
    expect(await deadlocks()).toBe(before);
  });

  it('create one profile for an address', async () => {
    const all = services(4).flatMap((service) =>
      Array.from({ length: 5 }, () =>
        service.track(
          1,
          request({ events: [event(email('ada@x.y'), 'a', Date.now()), event(email('bob@x.y'), 'a', Date.now())] }),
        ),
      ),
    );
    await Promise.all(all);
    expect(await db.database.query(`select standard ->> 'email' as email from profile order by 1`)).toEqual([
      { email: 'ada@x.y' },
      { email: 'bob@x.y' },
    ]);
    expect(await one('select sum(count)::integer as counted from event_count')).toEqual({ counted: 40 });
  });
});

describe('createProfiles', () => {
  it('waits for the transaction that was first and adopts its profile', async () => {
    const now = Date.now();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let created = (): void => undefined;
    const isCreated = new Promise<void>((resolve) => (created = resolve));
    const first = db.database.transaction(async (tx) => {
      const profiles = await createProfiles(tx, 1, [external('ada')], now);
      created();
      await held;
      return profiles;
    });
    await isCreated;
    const second = db.database.transaction((tx) => createProfiles(tx, 1, [external('bob'), external('ada')], now));
    await waitUntilSomebodyWaits();
    release();
    const winner = (await first).get('external_id:ada')!;
    const loser = (await second).get('external_id:ada')!;
    expect(winner.created).not.toBeNull();
    expect(loser).toEqual({ ref: winner.ref, created: null });
    expect((await second).get('external_id:bob')!.created).toMatchObject({ externalId: 'bob' });
  });

  it('creates in its turn when the first one gives up', async () => {
    const now = Date.now();
    let fail = (): void => undefined;
    const held = new Promise<void>((_, reject) => (fail = () => reject(new Error('given up'))));
    let created = (): void => undefined;
    const isCreated = new Promise<void>((resolve) => (created = resolve));
    const first = db.database.transaction(async (tx) => {
      await createProfiles(tx, 1, [external('ada')], now);
      created();
      await held;
    });
    await isCreated;
    const second = db.database.transaction((tx) => createProfiles(tx, 1, [external('ada')], now));
    await waitUntilSomebodyWaits();
    fail();
    await expect(first).rejects.toThrow('given up');
    const { ref } = (await second).get('external_id:ada')!;
    expect((await resolveIdentities(db.database, 1, [external('ada')])).get('external_id:ada')).toEqual(ref);
    expect((await readProfiles(db.database, [ref])).get(ref.id)).toMatchObject({ externalId: 'ada' });
  });
});

/** Until a session of this database waits for a lock of another. */
async function waitUntilSomebodyWaits(): Promise<void> {
  for (;;) {
    const { n } = await one<{ n: number }>(
      `select count(*)::integer as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    if (n > 0) return;
  }
}
