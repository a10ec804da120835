/**
 * A real PostgreSQL for tests: one server per run, one migrated template, one clone per test file.
 *
 *   let db: TestDatabase;
 *   beforeAll(async () => { db = await openTestDatabase(); });
 *   afterAll(() => db.close());
 *
 * `TEST_DATABASE_URL` (a superuser's, any database of the server) runs the same tests against another server.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { Database, errorCode, type DatabaseOptions } from '../../src/persistence/database.js';
import { migrate } from '../../src/persistence/migrate.js';
import { prepareHome, SOCKET_PORT } from '../../src/persistence/postgres-files.js';
import { PostgresServer, SUPERUSER, tunedSettings } from '../../src/persistence/postgres-server.js';

export interface TestDatabase {
  readonly database: Database;
  /** For a second pool, a `Listener`, a `DataSource` or a process of its own. */
  readonly options: DatabaseOptions;
  readonly url: string;
  /** Drops the database. Fails when somebody is still connected to it: a pool, listener or loop was left open. */
  close(): Promise<void>;
}

interface Server {
  /** URL of a database for administration. */
  readonly url: string;
  readonly template: string;
}

export async function openTestDatabase(): Promise<TestDatabase> {
  const server = await sharedServer();
  const name = `test_${basename(runDirectory()).replaceAll(/\W/g, '_').toLowerCase()}_${process.pid}_${randomUUID().slice(0, 8)}`;
  await admin(server.url, (client) => client.query(`create database ${name} template ${server.template}`));
  const url = withDatabase(server.url, name);
  const options: DatabaseOptions = { connectionString: url };
  const database = new Database({ ...options, applicationName: 'test' });
  return {
    database,
    options,
    url,
    async close() {
      await database.close();
      const left = await admin(server.url, async (client) => {
        const open = await othersOf(client, name);
        await client.query(`drop database ${name} with (force)`);
        return open;
      });
      if (left.length > 0) throw new Error(`connections were left open: ${left.join(', ')}`);
    },
  };
}

/** Sessions on a database. One that is being closed right now takes a moment to go. */
async function othersOf(client: pg.Client, name: string): Promise<string[]> {
  for (let tries = 40; ; tries--) {
    const { rows } = await client.query<{ who: string }>(
      `select application_name || ' (' || left(query, 80) || ')' as who from pg_stat_activity
       where datname = $1 and backend_type = 'client backend'`,
      [name],
    );
    if (rows.length === 0 || tries === 0) return rows.map(({ who }) => who);
    await pause(50);
  }
}

async function admin<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'test administration' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

function runDirectory(): string {
  const directory = process.env['TEST_RUN_DIRECTORY'];
  if (!directory) throw new Error('run this with the project’s Jest configuration');
  return directory;
}

/** The run's server: whoever asks first starts it, the others wait for what it writes down. */
async function sharedServer(): Promise<Server> {
  const directory = runDirectory();
  const ready = join(directory, 'ready.json');
  const failed = join(directory, 'failed');
  if (!existsSync(ready)) {
    try {
      mkdirSync(join(directory, 'starting'));
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
      while (!existsSync(ready)) {
        if (existsSync(failed)) throw new Error(`the test database did not start: ${readFileSync(failed, 'utf8')}`);
        await pause(25);
      }
    }
  }
  if (existsSync(ready)) return JSON.parse(readFileSync(ready, 'utf8')) as Server;
  try {
    const server = await prepareServer(directory);
    writeFileSync(`${ready}.new`, JSON.stringify(server));
    renameSync(`${ready}.new`, ready);
    return server;
  } catch (error) {
    writeFileSync(failed, String(error));
    throw error;
  }
}

async function prepareServer(directory: string): Promise<Server> {
  const external = process.env['TEST_DATABASE_URL'];
  const url = external ?? (await startServer(directory));
  const template = external
    ? `template_${basename(directory).replaceAll(/\W/g, '_').toLowerCase()}`
    : 'template_itinera';
  if (external) writeFileSync(join(directory, 'external.json'), JSON.stringify({ url, template }));
  await admin(url, (client) => client.query(`create database ${template}`));
  await migrate({ connectionString: withDatabase(url, template) });
  return { url, template };
}

async function startServer(directory: string): Promise<string> {
  const files = prepareHome(directory);
  const server = new PostgresServer(files, {
    ...tunedSettings(),
    shared_buffers: '64MB',
    max_wal_size: '1GB',
    min_wal_size: '80MB',
    max_connections: 120,
    fsync: 'off',
    full_page_writes: 'off',
  });
  await server.initialise(false);
  const url = `postgresql://${SUPERUSER}@localhost/postgres?host=${encodeURIComponent(files.socket)}&port=${SOCKET_PORT}`;
  const child = server.spawn();
  for (;;) {
    try {
      await admin(url, (client) => client.query('select 1'));
      return url;
    } catch (error) {
      if (child.exitCode !== null) throw new Error(`PostgreSQL did not start:\n${server.logTail()}`, { cause: error });
      await pause(25);
    }
  }
}
