/** Brings the schema up to date at start. Several processes may start at once: one migrates, the others wait. */
import pg from 'pg';
import { AppError } from '../kernel/errors.js';
import type { DatabaseOptions, Sql } from './database.js';
import { createDataSource } from './data-source.js';
import { migrations } from './migrations.js';

const MIGRATION_LOCK = 0x17_1e_4b;
const OLDEST_SERVER = 150000;

/** Runs what is missing and returns the names. Throws `postgres_too_old`, `schema_is_newer`. */
export async function migrate(options: DatabaseOptions): Promise<readonly string[]> {
  const { max: _max, applicationName: _name, ...connection } = options;
  const guard = new pg.Client({ ...connection, application_name: 'itinera migration' });
  await guard.connect();
  try {
    const { rows } = await guard.query<{ version: number }>(
      `select current_setting('server_version_num')::int as version`,
    );
    if ((rows[0]?.version ?? 0) < OLDEST_SERVER)
      throw new AppError('postgres_too_old', 'PostgreSQL 15 or newer is needed');
    await guard.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const source = await createDataSource(options).initialize();
    try {
      await refuseNewer(guard);
      const done = await source.runMigrations();
      return done.map(({ name }) => name);
    } finally {
      await source.destroy();
    }
  } finally {
    await guard.end();
  }
}

/** A schema with migrations this build does not know was made by a newer one: running on it could damage data. */
async function refuseNewer(client: pg.Client): Promise<void> {
  const table = await client.query<{ exists: boolean }>(`select to_regclass('migration') is not null as exists`);
  if (!table.rows[0]?.exists) return;
  const known = migrations.map((migration) => migration.name);
  const { rows } = await client.query<{ name: string }>('select name from migration where name <> all ($1)', [known]);
  if (rows.length > 0) {
    const names = rows.map(({ name }) => name);
    throw new AppError(
      'schema_is_newer',
      `the database was migrated by a newer version (${names.join(', ')}): start that one`,
      { names },
    );
  }
}

/** Migrations of this build that the database has not seen: part of `/readyz`. */
export async function missingMigrations(sql: Sql): Promise<readonly string[]> {
  const rows = await sql.query<{ name: string }>('select name from migration');
  const done = new Set(rows.map(({ name }) => name));
  return migrations.map(({ name }) => name).filter((name) => !done.has(name));
}
