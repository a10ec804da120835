/** Journeys, entries and deliveries as the engine would have written them, and a delivery loop over them. */
import { loadSubjects } from '../../src/engine/subjects.js';
import {
  DEFAULT_OPTIONS,
  DeliveryLoop,
  type DeliveryLoopOptions,
  type DeliveryReport,
} from '../../src/delivery/delivery.loop.js';
import type { Recorded, Transition } from '../../src/delivery/record.js';
import { Sender } from '../../src/delivery/sender.js';
import { JourneyCatalog } from '../../src/journeys/catalog.js';
import { systemClock, type Clock } from '../../src/kernel/clock.js';
import { newId } from '../../src/kernel/ids.js';
import { LANES } from '../../src/kernel/lanes.js';
import type { JsonObject } from '../../src/kernel/json.js';
import type { Database } from '../../src/persistence/database.js';
import { egressRules } from '../../src/security/address.js';
import { egressConnector } from '../../src/security/egress.js';

export const LOOPBACK = egressRules(['127.0.0.0/8', '::1']);

export interface Queued {
  readonly lane: number;
  readonly id: string;
  readonly entryId: string;
}

export async function addWorkspace(db: Database): Promise<number> {
  const [row] = await db.query<{ id: number }>(`insert into workspace (name) values ('test') returning id`);
  return row!.id;
}

let journeys = 0;

/** A live journey of one webhook step `hook`. */
export async function addJourney(db: Database, workspace: number, webhook: JsonObject): Promise<string> {
  const id = newId(0, Date.now());
  const key = `journey-${++journeys}-${id.slice(-6)}`;
  const definition = {
    schema: 1,
    key,
    name: key,
    entry: { trigger: { type: 'api' } },
    start: 'hook',
    steps: { hook: { type: 'webhook', next: null, ...webhook } },
  };
  await db.query(
    `insert into journey (id, workspace, key, name, status, live_version, latest_version, created_at, updated_at)
     values ($1, $2, $3, $3, 'active', 1, 1, now(), now())`,
    [id, workspace, key],
  );
  await db.query(
    `insert into journey_version (journey_id, version, definition, created_at, launched_at) values ($1, 1, $2, now(), now())`,
    [id, JSON.stringify(definition)],
  );
  await db.query('update journey_revision set revision = revision + 1');
  return id;
}

/** Writes profiles, entries and deliveries for `origin`, and wakes the host, all in one statement each. */
export async function enqueue(
  db: Database,
  workspace: number,
  journeyId: string,
  origin: string,
  count: number,
  context: JsonObject = {},
): Promise<Queued[]> {
  const now = Date.now();
  const queued = Array.from({ length: count }, (_, i) => {
    const lane = i % LANES;
    return { lane, id: newId(lane, now), entryId: newId(lane, now), profileId: newId(lane, now) };
  });
  await db.transaction(async (tx) => {
    await tx.query(
      `insert into profile (lane, id, workspace, external_id, standard, bucket, created_at, updated_at)
       select lane, id, $3, 'user-' || n, jsonb_build_object('first_name', 'Ann'), 1, now(), now()
       from unnest($1::smallint[], $2::uuid[]) with ordinality as u (lane, id, n)`,
      [queued.map((q) => q.lane), queued.map((q) => q.profileId), workspace],
    );
    await tx.query(
      `insert into entry (lane, id, workspace, journey_id, version, profile_id, step, visit, arrived_at, context, entered_at)
       select lane, id, $4, $5, 1, profile_id, 'hook', 1, now(), $6, now()
       from unnest($1::smallint[], $2::uuid[], $3::uuid[]) as u (lane, id, profile_id)`,
      [
        queued.map((q) => q.lane),
        queued.map((q) => q.entryId),
        queued.map((q) => q.profileId),
        workspace,
        journeyId,
        JSON.stringify(context),
      ],
    );
    const [host] = await tx.query<{ id: number }>(
      `insert into host (workspace, origin, created_at, updated_at) values ($1, $2, now(), now())
       on conflict (workspace, origin) do update set updated_at = now() returning id`,
      [workspace, origin],
    );
    await tx.query(
      `insert into delivery (lane, id, workspace, journey_id, version, step, visit, entry_id, profile_id, host_id, status, due_at, created_at)
       select lane, id, $5, $6, 1, 'hook', 1, entry_id, profile_id, $7, 'due', $8, $8
       from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::uuid[]) as u (lane, id, entry_id, profile_id)`,
      [
        queued.map((q) => q.lane),
        queued.map((q) => q.id),
        queued.map((q) => q.entryId),
        queued.map((q) => q.profileId),
        workspace,
        journeyId,
        host!.id,
        new Date(now),
      ],
    );
    await tx.query(
      `update host set next_due_at = $2 where id = $1 and (next_due_at is null or next_due_at > $2)
       and (deferred_until is null or deferred_until <= $2)`,
      [host!.id, new Date(now)],
    );
    await tx.query(`select pg_notify('itinera_delivery', '')`);
  });
  return queued;
}

export interface Worker {
  readonly loop: DeliveryLoop;
  readonly transitions: Transition[];
  readonly recorded: Recorded[];
  readonly errors: unknown[];
  /** Resolves when so many attempts have been recorded by this worker. */
  attempts(count: number): Promise<void>;
  stop(): Promise<void>;
}

export function startWorker(
  db: Database,
  options: Partial<DeliveryLoopOptions> = {},
  clock: Clock = systemClock,
  rules = LOOPBACK,
): Worker {
  const sender = new Sender(egressConnector(rules, { connectTimeout: 10_000 }));
  const recorded: Recorded[] = [];
  const transitions: Transition[] = [];
  const errors: unknown[] = [];
  let made = 0;
  let waiting: { count: number; resolve: () => void }[] = [];
  const report: DeliveryReport = {
    beat: () => undefined,
    claimed: () => undefined,
    deferred: () => undefined,
    failed: (_what, error) => errors.push(error),
    recorded(batch) {
      recorded.push(batch);
      transitions.push(...batch.transitions);
      made += batch.outcomes.length;
      for (const waiter of waiting) if (made >= waiter.count) waiter.resolve();
      waiting = waiting.filter(({ count }) => made < count);
    },
  };
  const loop = new DeliveryLoop(db, new JourneyCatalog(), loadSubjects, sender, clock, {
    options: { ...DEFAULT_OPTIONS, interval: 100, userAgent: 'Itinera/test', ...options },
    report,
  });
  loop.start();
  return {
    loop,
    transitions,
    recorded,
    errors,
    attempts: (count) =>
      made >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve })),
    async stop() {
      await loop.stop(5_000);
      await sender.close();
    },
  };
}

/** Asks until the answer fits. */
export async function until<T>(ask: () => Promise<T>, fits: (answer: T) => boolean): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`it never came to that: ${JSON.stringify(answer).slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
