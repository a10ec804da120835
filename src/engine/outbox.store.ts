/**
 * The hand-over to the delivery room: rows in `delivery`, written in the transaction of the step that asked for them,
 * and the host told that something is due. The engine knows nothing of how a delivery is sent.
 */
import { newId } from '../kernel/ids.js';
import { plainArray, textArray, timeArray } from '../persistence/arrays.js';
import { statement, type Sql, type Transaction } from '../persistence/database.js';

export interface NewDelivery {
  readonly lane: number;
  readonly workspace: number;
  readonly journeyId: string;
  readonly version: number;
  readonly step: string;
  readonly visit: number;
  readonly entryId: string;
  readonly profileId: string;
  readonly origin: string | null;
  readonly problem: { readonly code: string; readonly message: string } | null;
}

const FIND_HOSTS = statement(
  'outbox.find_hosts',
  `select h.id, h.workspace, h.origin from unnest($1::integer[], $2::text[]) as o (workspace, origin)
   join host h on h.workspace = o.workspace and h.origin = o.origin`,
);
const ADD_HOSTS = statement(
  'outbox.add_hosts',
  `insert into host (workspace, origin, created_at, updated_at)
   select workspace, origin, $3::timestamptz, $3::timestamptz
   from unnest($1::integer[], $2::text[]) as o (workspace, origin) order by workspace, origin
   on conflict do nothing`,
);
// Under load a host is due already and is neither written nor locked. A deferred host stays deferred: its own row says until when.
const WAKE_HOSTS = statement(
  'outbox.wake_hosts',
  `update host set next_due_at = $2::timestamptz
   where id in (
     select id from host where id = any($1::integer[]) and (next_due_at is null or next_due_at > $2::timestamptz)
       and (deferred_until is null or deferred_until <= $2::timestamptz)
     order by id for update)`,
);
const INSERT = statement(
  'outbox.insert',
  `insert into delivery (lane, id, workspace, journey_id, version, step, visit, entry_id, profile_id, host_id, status, reason, due_at, created_at, finished_at)
   select lane, id, workspace, journey_id, version, step, visit, entry_id, profile_id, host_id, status, reason, due_at, $14::timestamptz,
     case when due_at is null then $14::timestamptz end
   from unnest($1::smallint[], $2::uuid[], $3::integer[], $4::uuid[], $5::integer[], $6::text[], $7::integer[], $8::uuid[], $9::uuid[],
     $10::integer[], $11::text[], $12::text[], $13::timestamptz[])
     as d (lane, id, workspace, journey_id, version, step, visit, entry_id, profile_id, host_id, status, reason, due_at)`,
);

/** Host rows are never deleted, so their ids are remembered for good. */
export class Outbox {
  private readonly hosts = new Map<string, number>();

  /** `database`: hosts are added outside of the caller's transaction, so that a rollback never leaves a remembered id without its row. */
  constructor(private readonly database: Sql) {}

  /** Writes deliveries; returns their ids in the order given. */
  async insert(tx: Transaction, deliveries: readonly NewDelivery[], now: number): Promise<string[]> {
    if (deliveries.length === 0) return [];
    await this.learnHosts(deliveries, now);
    const ids = deliveries.map((d) => newId(d.lane, now));
    const hostIds = deliveries.map((d) =>
      d.origin === null ? null : (this.hosts.get(`${d.workspace} ${d.origin}`) ?? null),
    );
    await tx.query(INSERT, [
      plainArray(deliveries.map((d) => d.lane)),
      plainArray(ids),
      plainArray(deliveries.map((d) => d.workspace)),
      plainArray(deliveries.map((d) => d.journeyId)),
      plainArray(deliveries.map((d) => d.version)),
      textArray(deliveries.map((d) => d.step)),
      plainArray(deliveries.map((d) => d.visit)),
      plainArray(deliveries.map((d) => d.entryId)),
      plainArray(deliveries.map((d) => d.profileId)),
      plainArray(hostIds),
      plainArray(deliveries.map((d) => (d.problem ? 'aborted' : 'due'))),
      textArray(deliveries.map((d) => (d.problem ? `${d.problem.code}: ${d.problem.message}` : null))),
      timeArray(deliveries.map((d) => (d.problem ? null : now))),
      new Date(now),
    ]);
    const due = [...new Set(hostIds.filter((id) => id !== null))].sort((a, b) => a - b);
    if (due.length > 0) {
      await tx.query(WAKE_HOSTS, [due, new Date(now)]);
      await tx.query(`select pg_notify('itinera_delivery', '')`);
    }
    return ids;
  }

  private async learnHosts(deliveries: readonly NewDelivery[], now: number): Promise<void> {
    const unknown = new Map<string, { workspace: number; origin: string }>();
    for (const { workspace, origin } of deliveries) {
      const key = `${workspace} ${origin}`;
      if (origin !== null && !this.hosts.has(key)) unknown.set(key, { workspace, origin });
    }
    if (unknown.size === 0) return;
    const wanted = [...unknown.values()];
    const values = [plainArray(wanted.map((w) => w.workspace)), textArray(wanted.map((w) => w.origin))];
    if ((await this.findHosts(values)) === wanted.length) return;
    await this.database.query(ADD_HOSTS, [...values, new Date(now)]);
    await this.findHosts(values);
  }

  private async findHosts(values: readonly string[]): Promise<number> {
    const rows = await this.database.query<{ id: number; workspace: number; origin: string }>(FIND_HOSTS, values);
    for (const row of rows) this.hosts.set(`${row.workspace} ${row.origin}`, row.id);
    return rows.length;
  }
}
