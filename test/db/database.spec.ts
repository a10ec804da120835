import { Database } from '../../src/persistence/database.js';
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
