import { VirtualClock } from '../../src/kernel/clock.js';
import { readHistory } from '../../src/profiles/history.reader.js';
import type { ProfileRef } from '../../src/profiles/happening.js';
import { IngestService } from '../../src/profiles/ingest.service.js';
import { listProfiles } from '../../src/profiles/profile-view.reader.js';
import { readProfiles, resolveIdentities } from '../../src/profiles/profiles.reader.js';
import { attributes, event, external, NotingListener, purchase, request } from '../support/ingest.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

const NOW = Date.now();
const DAY = 86_400_000;

let db: TestDatabase;
let ada: ProfileRef;
let bob: ProfileRef;

beforeAll(async () => {
  db = await openTestDatabase();
  const service = new IngestService(db.database, new NotingListener(), new VirtualClock(NOW));
  await service.track(
    1,
    request({
      attributes: [attributes('ada', { first_name: 'Ada', tags: ['a'] }), attributes('bob', {})],
      events: [
        event('ada', 'opened', NOW - 10 * DAY),
        event('ada', 'opened', NOW - 1000),
        event('ada', 'closed', NOW - 2000),
      ],
      purchases: [purchase('ada', 'shoe', 2, NOW - 3000), purchase('ada', 'hat', 1, NOW - 2 * DAY)],
    }),
  );
  const found = await resolveIdentities(db.database, 1, [external('ada'), external('bob'), external('nobody')]);
  expect(found.size).toBe(2);
  ada = found.get('external_id:ada')!;
  bob = found.get('external_id:bob')!;
});
afterAll(() => db.close());

it('readProfiles gives facts by id, and leaves out who is gone', async () => {
  const gone = { lane: 0, id: '01900000-0000-7000-8000-000000000000' };
  const profiles = await readProfiles(db.database, [bob, ada, gone]);
  expect([...profiles.keys()].sort()).toEqual([ada.id, bob.id].sort());
  expect(profiles.get(ada.id)).toMatchObject({
    externalId: 'ada',
    standard: { first_name: 'Ada' },
    custom: { tags: ['a'] },
    subscriptions: {},
    aliases: [],
    createdAt: NOW,
  });
});

it('a locked profile makes a second lock wait, and the second sees the change', async () => {
  const order: string[] = [];
  let locked = (): void => undefined;
  const isLocked = new Promise<void>((resolve) => (locked = resolve));
  const first = db.database.transaction(async (tx) => {
    await readProfiles(tx, [ada, bob], true);
    locked();
    await tx.query(`update profile set custom = '{"seen": 1}' where lane = $1 and id = $2`, [bob.lane, bob.id]);
    order.push('first');
  });
  await isLocked;
  const second = db.database.transaction(async (tx) => {
    const profiles = await readProfiles(tx, [bob, ada], true);
    order.push('second');
    return profiles;
  });
  await first;
  expect((await second).get(bob.id)!.custom).toEqual({ seen: 1 });
  expect(order).toEqual(['first', 'second']);
});

describe('readHistory', () => {
  it('gives totals for every need and single events within the time asked for, newest first', async () => {
    const past = await readHistory(
      db.database,
      [ada, bob],
      [
        { kind: 'event', name: 'opened', within: null },
        { kind: 'event', name: 'opened', within: 5 * DAY },
        { kind: 'event', name: 'closed', within: Infinity },
        { kind: 'event', name: 'never', within: null },
      ],
      NOW,
    );
    const history = past.get(ada.id)!;
    expect(history.stats('event', 'opened')).toEqual({ count: 2, first: NOW - 10 * DAY, last: NOW - 1000 });
    expect(history.list('event', 'opened')).toEqual([{ name: 'opened', at: NOW - 1000, properties: { from: 'test' } }]);
    expect(history.list('event', 'closed').map(({ at }) => at)).toEqual([NOW - 2000]);
    expect(history.stats('event', 'never')).toBeUndefined();
    expect(past.get(bob.id)!.stats('event', 'opened')).toBeUndefined();
    expect(past.get(bob.id)!.list('event', 'opened')).toEqual([]);
  });

  it('the widest need wins, and all of time is all', async () => {
    const past = await readHistory(
      db.database,
      [ada],
      [
        { kind: 'event', name: 'opened', within: 1 },
        { kind: 'event', name: 'opened', within: Infinity },
      ],
      NOW,
    );
    expect(
      past
        .get(ada.id)!
        .list('event', 'opened')
        .map(({ at }) => at),
    ).toEqual([NOW - 1000, NOW - 10 * DAY]);
  });

  it('any product counts all of them, a purchase of two twice', async () => {
    const past = await readHistory(
      db.database,
      [ada],
      [
        { kind: 'purchase', name: '*', within: 5 * DAY },
        { kind: 'purchase', name: 'shoe', within: null },
      ],
      NOW,
    );
    const history = past.get(ada.id)!;
    expect(history.stats('purchase', '*')).toEqual({ count: 3, first: NOW - 2 * DAY, last: NOW - 3000 });
    expect(history.stats('purchase', 'shoe')!.count).toBe(2);
    expect(history.list('purchase', '*').map(({ name }) => name)).toEqual(['shoe', 'shoe', 'hat']);
  });
});

it('listProfiles pages through all, each once', async () => {
  const first = await listProfiles(db.database, 1, { cursor: null, limit: 1 });
  const second = await listProfiles(db.database, 1, { cursor: first.next_cursor, limit: 1 });
  expect([first, second].flatMap(({ items }) => items.map((item) => item['external_id'])).sort()).toEqual([
    'ada',
    'bob',
  ]);
  expect(second.next_cursor).toBeNull();
});
