import { Database, isDisconnect } from '../../src/persistence/database.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

describe('the test database', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());

  it('is migrated, and every file has one of its own', async () => {
    const other = await openTestDatabase();
    await other.database.query(`insert into workspace (name) values ('only here')`);
    expect(await other.database.query('select name from workspace')).toEqual([{ name: 'only here' }]);
    expect(await db.database.query('select name from workspace')).toEqual([]);
    await other.close();
  });

  it('tells when a connection is left open', async () => {
    const leaky = await openTestDatabase();
    const left = new Database({ ...leaky.options, applicationName: 'forgotten' });
    await left.query('select 1');
    await expect(leaky.close()).rejects.toThrow('forgotten');
    await left.close();
  });
});

describe('a connection that breaks', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());

  it('between two statements of a transaction fails that transaction and nothing else', async () => {
    const uncaught: unknown[] = [];
    const note = (error: unknown): number => uncaught.push(error);
    process.on('uncaughtException', note);
    try {
      const broken = db.database.transaction(async (tx) => {
        const [own] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
        await db.database.query('select pg_terminate_backend($1)', [own!.pid]);
        const isGone = async (): Promise<boolean> =>
          (await db.database.query('select 1 from pg_stat_activity where pid = $1', [own!.pid])).length === 0;
        while (!(await isGone()));
        // The socket's end has been read by the time the loop comes round.
        await new Promise((resolve) => setImmediate(resolve));
        await tx.query('select 1');
      });
      expect(await broken.catch((error: unknown) => isDisconnect(error))).toBe(true);
      expect(await db.database.query('select 1 as one')).toEqual([{ one: 1 }]);
      expect(uncaught).toEqual([]);
    } finally {
      process.off('uncaughtException', note);
    }
  });
});
