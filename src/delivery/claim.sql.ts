/**
 * Claiming, under the lock of the deliveries' host. Index delivery_due (host_id, status, due_at). What another transaction
 * holds (an exit that cancels, a retry by hand) is skipped, so a claim never waits while it holds hosts.
 */
import type { JsonObject } from '../kernel/json.js';
import { plainArray } from '../persistence/arrays.js';
import {
  byteaArray,
  int2Array,
  int4Array,
  jsonArray,
  stringArray,
  timestampArray,
  uuidArray,
} from '../persistence/binary-arrays.js';
import { statement, type Transaction } from '../persistence/database.js';

/** The locked row's own columns. Times are epoch milliseconds. */
export interface DueDelivery {
  readonly lane: number;
  readonly id: string;
  readonly workspace: number;
  readonly journey_id: string;
  readonly version: number;
  readonly step: string;
  readonly visit: number;
  readonly entry_id: string;
  readonly profile_id: string;
  readonly host_id: number;
  readonly attempts: number;
  /** Attempts that no longer count against the budget. */
  readonly retried_after: number;
  readonly first_attempt_at: number | null;
  /** `null`: not rendered yet, and so are the others. */
  readonly method: string | null;
  readonly url: string | null;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly body: Buffer | null;
}

const claimText = (status: 'due' | 'retry'): string =>
  `select d.* from unnest($1::integer[], $2::integer[]) as h (id, n)
   cross join lateral (
     select lane, id, workspace, journey_id, version, step, visit, entry_id, profile_id, host_id, attempts, retried_after,
       date_part('epoch', first_attempt_at) * 1000 as first_attempt_at, method, url, headers, body
     from delivery where host_id = h.id and status = '${status}' and due_at <= $3::timestamptz and id <> all ($4::uuid[])
     order by due_at limit h.n for update skip locked
   ) as d`;

const CLAIM = {
  due: statement('delivery.claim_due', claimText('due')),
  retry: statement('delivery.claim_retry', claimText('retry')),
} as const;

/** Locks up to so many due deliveries per host: `wanted` is host id → how many. `without`: ids locked by this transaction already. */
export async function lockDue(
  tx: Transaction,
  status: 'due' | 'retry',
  wanted: ReadonlyMap<number, number>,
  now: number,
  without: readonly string[] = [],
): Promise<DueDelivery[]> {
  const hosts = [...wanted].filter(([, n]) => n > 0);
  if (hosts.length === 0) return [];
  return tx.query<DueDelivery>(CLAIM[status], [
    plainArray(hosts.map(([id]) => id)),
    plainArray(hosts.map(([, n]) => n)),
    new Date(now),
    plainArray(without),
  ]);
}

const NEXT_DUE = statement(
  'delivery.next_due',
  `select h.id, date_part('epoch', least(
       (select due_at from delivery where host_id = h.id and status = 'due' order by due_at limit 1),
       (select due_at from delivery where host_id = h.id and status = 'retry' order by due_at limit 1))) * 1000 as at
   from unnest($1::integer[]) as h (id)`,
);

/** When the earliest queued delivery of each host is due; `null`: none is queued. */
export async function nextDue(tx: Transaction, hosts: readonly number[]): Promise<Map<number, number | null>> {
  if (hosts.length === 0) return new Map();
  const rows = await tx.query<{ id: number; at: number | null }>(NEXT_DUE, [plainArray(hosts)]);
  return new Map(rows.map(({ id, at }) => [id, at]));
}

export interface Sending {
  readonly lane: number;
  readonly id: string;
  readonly leaseUntil: number;
  /** `null`: rendered before, the stored bytes stay. */
  readonly rendered: RenderedRequest | null;
}

export interface RenderedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
}

const MARK_SENDING = statement(
  'delivery.mark_sending',
  `update delivery d set status = 'sending', lease_token = $1::uuid, lease_until = u.lease_until,
     method = coalesce(u.method, d.method), url = coalesce(u.url, d.url), headers = coalesce(u.headers, d.headers),
     body = case when u.method is null then d.body else u.body end
   from unnest($2::smallint[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::json[], $8::bytea[])
     as u (lane, id, lease_until, method, url, headers, body)
   where d.lane = u.lane and d.id = u.id`,
);

/** Leases rows this transaction has locked. */
export async function markSending(tx: Transaction, token: string, rows: readonly Sending[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(MARK_SENDING, [
    token,
    int2Array(rows.map((r) => r.lane)),
    uuidArray(rows.map((r) => r.id)),
    timestampArray(rows.map((r) => r.leaseUntil)),
    stringArray(rows.map((r) => r.rendered?.method ?? null)),
    stringArray(rows.map((r) => r.rendered?.url ?? null)),
    jsonArray(rows.map((r) => (r.rendered ? JSON.stringify(r.rendered.headers) : null))),
    byteaArray(rows.map((r) => r.rendered?.body ?? null)),
  ]);
}

export interface Moved {
  readonly lane: number;
  readonly id: string;
  readonly hostId: number;
  readonly rendered: RenderedRequest;
}

const MOVE = statement(
  'delivery.move',
  `update delivery d set host_id = u.host_id, method = u.method, url = u.url, headers = u.headers, body = u.body
   from unnest($1::smallint[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::json[], $7::bytea[])
     as u (lane, id, host_id, method, url, headers, body)
   where d.lane = u.lane and d.id = u.id`,
);

/** Puts deliveries whose URL came out at another host into that host's queue, with the bytes they were rendered to. */
export async function moveToHosts(tx: Transaction, rows: readonly Moved[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(MOVE, [
    int2Array(rows.map((r) => r.lane)),
    uuidArray(rows.map((r) => r.id)),
    int4Array(rows.map((r) => r.hostId)),
    stringArray(rows.map((r) => r.rendered.method)),
    stringArray(rows.map((r) => r.rendered.url)),
    jsonArray(rows.map((r) => JSON.stringify(r.rendered.headers))),
    byteaArray(rows.map((r) => r.rendered.body)),
  ]);
}

export interface Ended {
  readonly lane: number;
  readonly id: string;
  readonly status: 'aborted' | 'cancelled';
  readonly reason: string;
}

const END = statement(
  'delivery.end_unsent',
  `update delivery d set status = u.status, reason = u.reason, due_at = null, finished_at = $5::timestamptz
   from unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[]) as u (lane, id, status, reason)
   where d.lane = u.lane and d.id = u.id`,
);

/** Ends deliveries without a request. The rows must be locked by the caller. */
export async function endUnsent(tx: Transaction, rows: readonly Ended[], now: number): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(END, [
    int2Array(rows.map((r) => r.lane)),
    uuidArray(rows.map((r) => r.id)),
    stringArray(rows.map((r) => r.status)),
    stringArray(rows.map((r) => r.reason)),
    new Date(now),
  ]);
}

const ENTRIES = statement(
  'delivery.entries',
  `select e.id, e.context, e.memory, e.variant from unnest($1::smallint[], $2::uuid[]) as u (lane, id)
   join entry e on e.lane = u.lane and e.id = u.id`,
);

/** What a template may ask of the entry. */
export interface EntryFacts {
  readonly id: string;
  readonly context: JsonObject;
  readonly memory: JsonObject | null;
  readonly variant: string | null;
}

export async function readEntries(
  tx: Transaction,
  deliveries: readonly DueDelivery[],
): Promise<Map<string, EntryFacts>> {
  if (deliveries.length === 0) return new Map();
  const rows = await tx.query<EntryFacts>(ENTRIES, [
    int2Array(deliveries.map((d) => d.lane)),
    uuidArray(deliveries.map((d) => d.entry_id)),
  ]);
  return new Map(rows.map((row) => [row.id, row]));
}
