/** Whether this process can do its work, and the gauges that are looked up when somebody asks. */
import type { Clock } from '../kernel/clock.js';
import { errorCode, type Database } from '../persistence/database.js';
import { missingMigrations } from '../persistence/migrate.js';
import { readBacklog } from './backlog.reader.js';
import type { Heartbeats } from './heartbeats.js';
import { backlog, connections, heartbeatAge, hosts, registry } from './metrics.js';

export interface Readiness {
  readonly ready: boolean;
  /** `ok`, or what is wrong. */
  readonly checks: Readonly<Record<'database' | 'migrations' | 'workers', string>>;
}

const ANSWER_MS = 3_000;

export class Health {
  constructor(
    private readonly database: Database,
    private readonly heartbeats: Heartbeats,
    private readonly clock: Clock,
  ) {}

  async readiness(): Promise<Readiness> {
    const late = this.heartbeats.late();
    const workers = late.length === 0 ? 'ok' : `no sign of life from ${late.join(', ')}`;
    try {
      const missing = await withinTime(missingMigrations(this.database));
      const migrations = missing.length === 0 ? 'ok' : `missing: ${missing.join(', ')}`;
      return { ready: missing.length === 0 && late.length === 0, checks: { database: 'ok', migrations, workers } };
    } catch (error) {
      const database = `unreachable: ${errorCode(error) ?? (error instanceof Error ? error.message : String(error))}`;
      return { ready: false, checks: { database, migrations: 'unknown', workers } };
    }
  }

  /** Everything in Prometheus' text format. Without the database, the gauges that come from it are left out. */
  async metrics(): Promise<{ contentType: string; text: string }> {
    for (const [loop, age] of this.heartbeats.ages()) heartbeatAge.set({ loop }, age / 1000);
    const { totalCount, idleCount, waitingCount } = this.database.pool;
    connections.set({ state: 'total' }, totalCount);
    connections.set({ state: 'idle' }, idleCount);
    connections.set({ state: 'waiting' }, waitingCount);
    backlog.reset();
    hosts.reset();
    const found = await withinTime(readBacklog(this.database, this.clock.now())).catch(() => null);
    if (found) {
      backlog.set({ of: 'entries' }, found.entryAge / 1000);
      backlog.set({ of: 'hosts' }, found.hostAge / 1000);
      for (const circuit of ['closed', 'open', 'half_open']) hosts.set({ circuit }, found.hosts[circuit] ?? 0);
    }
    return { contentType: registry.contentType, text: await registry.metrics() };
  }
}

async function withinTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
