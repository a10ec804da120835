/**
 * Names a directory for this run's database server. The server itself is started by the first test that asks for a
 * database (database.ts), so that a run of pure tests does not wait for one.
 */
import { chmodSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, removeRun } from './run-directory.mjs';

const PREFIX = 'itinera-test-';

export default async function setup() {
  // What runs that were killed left behind: their servers outlive them.
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(/^itinera-test-(\d+)-/.exec(name)?.[1]);
    if (pid && !isAlive(pid)) await removeRun(join(tmpdir(), name));
  }
  const directory = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  // Under root the server runs as another user, who must get in.
  chmodSync(directory, 0o755);
  writeFileSync(join(directory, 'run'), String(process.pid));
  process.env['TEST_RUN_DIRECTORY'] = directory;
}
