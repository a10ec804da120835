/**
 * How many events a second ingest stores, committed to disk, PostgreSQL on the same machine.
 *
 *   node --import @swc-node/register/esm-register test/load/ingest.ts [events=200000] [profiles=50000] [rounds=3]
 *
 * 64 callers each send requests of 50 events of random profiles to the service and wait for the answer; groups are of
 * 1,000 as in production, nobody listens. Prints objects a second and the processor time Node and PostgreSQL took for a
 * thousand, which is what compares when the machine is busy with other things.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/kernel/clock.js';
import { Database } from '../../src/persistence/database.js';
import { EmbeddedPostgres } from '../../src/persistence/embedded-postgres.js';
import { migrate } from '../../src/persistence/migrate.js';
import { IngestService } from '../../src/profiles/ingest.service.js';
import type { TrackRequest } from '../../src/profiles/track.js';
import { attributes, event, NotingListener, request } from '../support/ingest.js';

const [events = 200_000, profiles = 50_000, rounds = 3] = process.argv.slice(2).map(Number);
const CALLERS = 64;
const PER_REQUEST = 50;
const TICK_MS = 10;

const directory = mkdtempSync(join(tmpdir(), 'itinera-load-'));
chmodSync(directory, 0o755);
const postgres = await EmbeddedPostgres.start({
  dataDir: directory,
  log: { info: () => undefined, warn: print },
});
try {
  await migrate(postgres.connection);
  const database = new Database(postgres.connection);
  const service = new IngestService(database, new NotingListener(), systemClock);
  await measure('new profiles', service, profiles, (i) =>
    attributesOf((k) => `user-${i + k}`, { plan: 'pro', points: 1 }),
  );
  await database.query('analyze');
  for (let round = 0; round < rounds; round++) await measure('events', service, events, eventsOf);
  await measure('attribute changes', service, profiles, () => attributesOf(anybody, { points: { inc: 1 } }));
  const [stored] = await database.query(
    'select (select count(*) from event) as events, (select sum(count) from event_count) as counted',
  );
  print(JSON.stringify(stored));
  await database.close();
} finally {
  await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function anybody(): string {
  return `user-${Math.floor(Math.random() * profiles)}`;
}

function eventsOf(): TrackRequest {
  const now = Date.now();
  return request({ events: Array.from({ length: PER_REQUEST }, (_, k) => event(anybody(), `event_${k % 5}`, now)) });
}

function attributesOf(who: (k: number) => string, values: Parameters<typeof attributes>[1]): TrackRequest {
  return request({ attributes: Array.from({ length: PER_REQUEST }, (_, k) => attributes(who(k), values)) });
}

async function measure(
  what: string,
  service: IngestService,
  objects: number,
  make: (i: number) => TrackRequest,
): Promise<void> {
  let sent = 0;
  const call = async (): Promise<void> => {
    while (sent < objects) {
      const from = sent;
      sent += PER_REQUEST;
      await service.track(1, make(from));
    }
  };
  const [begun, node, server] = [performance.now(), process.cpuUsage(), serverCpuMs()];
  await Promise.all(Array.from({ length: CALLERS }, call));
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(node);
  const perThousand = (ms: number): string => ((ms / sent) * 1000).toFixed(1);
  print(
    `${what}: ${Math.round(sent / seconds)}/s; ms of processor time per 1,000: Node ${perThousand((user + system) / 1000)}, PostgreSQL ${perThousand(serverCpuMs() - server)}`,
  );
}

/** Processor time of the server's live processes, from /proc. */
function serverCpuMs(): number {
  const postmaster = readFileSync(join(postgres.home, 'data', 'postmaster.pid'), 'utf8').split('\n', 1)[0];
  let ticks = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const fields = statOf(pid);
    if (fields && (fields[1] === postmaster || pid === postmaster)) ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * TICK_MS;
}

function statOf(pid: string): string[] | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
  } catch {
    // It ended in the meantime.
    return null;
  }
}
