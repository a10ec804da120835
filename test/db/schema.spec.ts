import { readFileSync, writeFileSync } from 'node:fs';
import { createDataSource } from '../../src/persistence/data-source.js';
import { migrate, missingMigrations } from '../../src/persistence/migrate.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { dumpSchema } from '../support/schema-dump.js';

const FILE = new URL('../schema.sql', import.meta.url);

describe('the schema', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());

  it('is what test/schema.sql says (npm run schema writes it anew)', async () => {
    const schema = await dumpSchema(db.database);
    if (process.env['UPDATE_SCHEMA']) writeFileSync(FILE, schema);
    expect(schema).toBe(readFileSync(FILE, 'utf8'));
  });

  it('is what the entities say', async () => {
    const source = await createDataSource(db.options).initialize();
    const { upQueries } = await source.driver.createSchemaBuilder().log();
    const tables = source.entityMetadatas.map(({ tableName }) => tableName);
    // Constraints, names and indexes are the migrations' alone; columns must agree.
    const drift = upQueries
      .map(({ query }) => query)
      .filter((query) => /ADD "|ALTER COLUMN|DROP COLUMN|CREATE TABLE/.test(query));
    await source.destroy();
    expect(tables).toContain('journey');
    expect(drift).toEqual([]);
  });

  it('can be taken back and made again, one migration at a time', async () => {
    const before = await dumpSchema(db.database);
    const source = await createDataSource(db.options).initialize();
    for (const migration of source.migrations) {
      expect(migration.name).toMatch(/^\w+\d{13}$/);
      await source.undoLastMigration();
    }
    expect(await dumpSchema(db.database)).not.toContain('create table profile');
    await source.destroy();
    expect(await migrate(db.options)).toHaveLength(source.migrations.length);
    expect(await dumpSchema(db.database)).toBe(before);
  });
});

describe('migrating', () => {
  it('is done once, however many processes start at the same time', async () => {
    const db = await openTestDatabase();
    await db.database.query('drop schema public cascade; create schema public');
    const done = await Promise.all([migrate(db.options), migrate(db.options), migrate(db.options)]);
    expect(done.map((names) => names.length).sort()).toEqual([0, 0, (await missingAfterDrop(db)).length]);
    await db.close();

    async function missingAfterDrop({ database }: TestDatabase): Promise<readonly string[]> {
      expect(await missingMigrations(database)).toEqual([]);
      await database.query('delete from migration');
      return missingMigrations(database);
    }
  });

  it('refuses a database that a newer version has migrated', async () => {
    const db = await openTestDatabase();
    await db.database.query(
      `insert into migration (timestamp, name) values (9999999999999, 'FromTheFuture9999999999999')`,
    );
    await expect(migrate(db.options)).rejects.toMatchObject({
      code: 'schema_is_newer',
      details: { names: ['FromTheFuture9999999999999'] },
    });
    await db.close();
  });
});
