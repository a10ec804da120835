/** A PostgreSQL server of a test's own, with the settings as shipped, that can be stopped and started again. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { prepareHome, SOCKET_PORT } from '../../src/persistence/postgres-files.js';
import { PostgresServer, SUPERUSER, tunedSettings } from '../../src/persistence/postgres-server.js';

export interface OwnServer {
  readonly url: string;
  query<T extends object>(sql: string): Promise<T[]>;
  /** A fast shutdown, and up again. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function openOwnServer(): Promise<OwnServer> {
  const directory = mkdtempSync(join(tmpdir(), 'itinera-own-'));
  chmodSync(directory, 0o755);
  const files = prepareHome(directory);
  const server = new PostgresServer(files, { ...tunedSettings(), shared_buffers: '128MB' });
  await server.initialise();
  const url = `postgresql://${SUPERUSER}@localhost/postgres?host=${encodeURIComponent(files.socket)}&port=${SOCKET_PORT}`;
  const query = async <T extends object>(sql: string): Promise<T[]> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<T>(sql)).rows;
    } finally {
      await client.end();
    }
  };
  const start = async (): Promise<void> => {
    server.spawn();
    for (let tries = 0; ; tries++) {
      try {
        await query('select 1');
        return;
      } catch (error) {
        if (tries > 400) throw error;
        await pause(50);
      }
    }
  };
  const stop = async (): Promise<void> => {
    const pid = server.runningPid();
    if (pid !== null) await server.stop(pid);
  };
  await start();
  return {
    url,
    query,
    restart: async () => {
      await stop();
      await start();
    },
    close: async () => {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
