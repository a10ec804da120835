import { claim } from '../../src/delivery/claim.js';
import { record, type Done } from '../../src/delivery/record.js';
import { loadSubjects } from '../../src/engine/subjects.js';
import { JourneyCatalog } from '../../src/journeys/catalog.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { addJourney, addWorkspace, enqueue } from '../support/delivery.js';

describe('recording a batch', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());

  it('settles what was held; of what was not, the attempt is logged and counted, and nothing else', async () => {
    const { database } = db;
    const workspace = await addWorkspace(database);
    const journey = await addJourney(database, workspace, {
      request: { method: 'POST', url: 'http://127.0.0.1:9/hook' },
    });
    await enqueue(database, workspace, journey, 'http://127.0.0.1:9', 3);
    const all = { now: Date.now(), room: () => 100, full: [], hinted: [], hosts: 100, deliveries: 1000 };
    const { sends } = await database.transaction((tx) => claim(tx, new JourneyCatalog(), loadSubjects, all));
    const lost = sends[0]!.delivery;
    await database.query('update delivery set lease_token = gen_random_uuid() where id = $1', [lost.id]);
    const batch = sends.map((send): Done => ({
      send,
      result: { answer: { kind: 'response', status: 200, headers: {} }, body: new Uint8Array(), truncated: false },
      startedAt: Date.now(),
      durationMs: 5,
      unit: 0,
    }));
    expect((await database.transaction((tx) => record(tx, batch, Date.now()))).late).toBe(1);
    const rows = await database.query<{ id: string; state: string; told: number; logged: number }>(
      `select d.id, d.status || ' ' || d.attempts as state,
         (select count(*)::integer from signal s where s.entry_id = d.entry_id) as told,
         (select count(*)::integer from attempt a where a.delivery_id = d.id) as logged
       from delivery d`,
    );
    expect(rows).toHaveLength(3);
    for (const { id, ...rest } of rows) {
      const isLost = id === lost.id;
      expect(rest).toEqual({ state: isLost ? 'sending 1' : 'delivered 1', told: isLost ? 0 : 1, logged: 1 });
    }
    const sums = await database.query<{ path: string; n: number }>(
      'select path, n::integer as n from counter_delta order by path',
    );
    expect(sums).toEqual([{ path: 'sent', n: 2 }]);
  });
});
