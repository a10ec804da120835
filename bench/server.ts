/** The run's database server: the embedded one as shipped, in a directory of its own; `BENCH_DATABASE_URL` names another. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { prepareHome, SOCKET_PORT } from '../src/persistence/postgres-files.js';
import { PostgresServer, SUPERUSER, tunedSettings } from '../src/persistence/postgres-server.js';

export interface Server {
  readonly url: string;
  readonly version: string;
  stop(): Promise<void>;
}

export async function startServer(): Promise<Server> {
  const external = process.env['BENCH_DATABASE_URL'];
  if (external) return { url: external, version: await versionOf(external), stop: () => Promise.resolve() };
  const directory = mkdtempSync(join(tmpdir(), 'itinera-bench-'));
  chmodSync(directory, 0o755);
  const files = prepareHome(directory);
  const server = new PostgresServer(files, tunedSettings());
  await server.initialise();
  const url = `postgresql://${SUPERUSER}@localhost/postgres?host=${encodeURIComponent(files.socket)}&port=${SOCKET_PORT}`;
  const child = server.spawn();
  for (;;) {
    try {
      const version = await versionOf(url);
      return {
        url,
        version,
        async stop() {
          await server.stop(child.pid!);
          rmSync(directory, { recursive: true, force: true });
        },
      };
    } catch (error) {
      if (child.exitCode !== null) throw error;
      await pause(50);
    }
  }
}

async function versionOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ server_version: string }>('show server_version');
  await client.end();
  return rows[0]!.server_version;
}
