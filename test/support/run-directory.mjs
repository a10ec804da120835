import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Stops the server of a test run and removes its directory; on an external server, drops the template. */
export async function removeRun(directory) {
  const external = join(directory, 'external.json');
  if (existsSync(external)) {
    const { url, template } = JSON.parse(readFileSync(external, 'utf8'));
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`drop database if exists ${template} with (force)`);
    await client.end();
  }
  const file = join(directory, 'postgres', 'data', 'postmaster.pid');
  if (existsSync(file)) {
    const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
    if (isAlive(pid)) process.kill(pid, 'SIGINT');
    while (existsSync(file) && isAlive(pid)) await pause(20);
  }
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}
