/**
 * What became of attempts. The lease token fences: only the holder of the lease changes the delivery's state. A recorder
 * that lost its lease has still made a request, which is an attempt and is kept as one.
 */
import { newId } from '../kernel/ids.js';
import {
  int2Array,
  int4Array,
  jsonArray,
  jsonbArray,
  stringArray,
  timestampArray,
  uuidArray,
} from '../persistence/binary-arrays.js';
import { statement, type Transaction } from '../persistence/database.js';

/** One attempt and what it means for its delivery. Times are epoch milliseconds. */
export interface AttemptRow {
  readonly lane: number;
  readonly id: string;
  readonly entryId: string;
  readonly token: string;
  readonly at: number;
  readonly durationMs: number;
  /** As logged: 599 when no answer came, `null` when no request was made. */
  readonly loggedStatus: number | null;
  readonly error: string | null;
  /** JSON text. */
  readonly responseHeaders: string | null;
  readonly responseBody: string | null;
  readonly status: 'delivered' | 'failed' | 'retry';
  readonly reason: string | null;
  /** When the next attempt may be made; `null`: there is none. */
  readonly dueAt: number | null;
  /** JSON text of the signal for the entry. */
  readonly signal: string | null;
}

// Rows are updated in the order of their ids as sorted by the caller. The attempt's number comes from the row, under its
// lock. Next to always all are won, and then no ids come back.
const RECORD = statement(
  'delivery.record',
  `with o as (
     select * from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::integer[], $7::smallint[],
       $8::text[], $9::json[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::uuid[], $15::jsonb[])
       as o (lane, id, entry_id, token, at, duration_ms, logged, error, response_headers, response_body, status, reason, due_at, signal_id, signal)
   ), won as (
     update delivery d set status = o.status, reason = o.reason, due_at = o.due_at, attempts = d.attempts + 1,
       first_attempt_at = coalesce(d.first_attempt_at, o.at), lease_until = null, lease_token = null,
       response_status = o.logged, finished_at = case when o.due_at is null then $16::timestamptz end
     from o where d.lane = o.lane and d.id = o.id and d.status = 'sending' and d.lease_token = o.token
     returning d.lane, d.id, d.attempts, o.entry_id, o.at, o.duration_ms, o.logged, o.error, o.response_headers, o.response_body,
       o.signal_id, o.signal
   ), logged as (
     insert into attempt (lane, delivery_id, number, at, duration_ms, status, error, response_headers, response_body)
     select lane, id, attempts, at, duration_ms, logged, error, response_headers, response_body from won
   ), told as (
     insert into signal (lane, entry_id, id, body)
     select lane, entry_id, signal_id, signal from won where signal is not null
   )
   select case when count(*) < $17::integer then coalesce(array_agg(id), '{}') end as won from won`,
);

/** Records attempts of lease holders. Returns the ids that were not theirs any more. */
export async function recordAttempts(tx: Transaction, rows: readonly AttemptRow[], now: number): Promise<Set<string>> {
  if (rows.length === 0) return new Set();
  const [row] = await tx.query<{ won: string[] | null }>(RECORD, [
    int2Array(rows.map((r) => r.lane)),
    uuidArray(rows.map((r) => r.id)),
    uuidArray(rows.map((r) => r.entryId)),
    uuidArray(rows.map((r) => r.token)),
    timestampArray(rows.map((r) => r.at)),
    int4Array(rows.map((r) => r.durationMs)),
    int2Array(rows.map((r) => r.loggedStatus)),
    stringArray(rows.map((r) => r.error)),
    jsonArray(rows.map((r) => r.responseHeaders)),
    stringArray(rows.map((r) => r.responseBody)),
    stringArray(rows.map((r) => r.status)),
    stringArray(rows.map((r) => r.reason)),
    timestampArray(rows.map((r) => r.dueAt)),
    uuidArray(rows.map((r) => newId(r.lane, now))),
    jsonbArray(rows.map((r) => r.signal)),
    new Date(now),
    rows.length,
  ]);
  return lostOf(rows, row!.won);
}

/** `won`: `null` when it was all of them. */
function lostOf(rows: readonly AttemptRow[], won: readonly string[] | null): Set<string> {
  const lost = new Set<string>();
  if (won === null) return lost;
  const held = new Set(won);
  for (const { id } of rows) if (!held.has(id)) lost.add(id);
  return lost;
}

// The same attempt is not logged twice when a commit went through whose answer was lost.
const LATE = statement(
  'delivery.record_late',
  `with o as (
     select * from unnest($1::smallint[], $2::uuid[], $3::timestamptz[], $4::integer[], $5::smallint[], $6::text[], $7::json[], $8::text[])
       as o (lane, id, at, duration_ms, logged, error, response_headers, response_body)
     where not exists (select from attempt a where a.lane = o.lane and a.delivery_id = o.id and a.at = o.at)
   ), counted as (
     update delivery d set attempts = d.attempts + 1, first_attempt_at = coalesce(d.first_attempt_at, o.at)
     from o where d.lane = o.lane and d.id = o.id
     returning d.lane, d.id, d.attempts
   )
   insert into attempt (lane, delivery_id, number, at, duration_ms, status, error, response_headers, response_body)
   select o.lane, o.id, counted.attempts, o.at, o.duration_ms, o.logged, o.error, o.response_headers, o.response_body
   from o join counted on counted.lane = o.lane and counted.id = o.id`,
);

/** Attempts whose lease was lost meanwhile: logged and counted, the delivery's newer state stays. */
export async function recordLate(tx: Transaction, rows: readonly AttemptRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(LATE, [
    int2Array(rows.map((r) => r.lane)),
    uuidArray(rows.map((r) => r.id)),
    timestampArray(rows.map((r) => r.at)),
    int4Array(rows.map((r) => r.durationMs)),
    int2Array(rows.map((r) => r.loggedStatus)),
    stringArray(rows.map((r) => r.error)),
    jsonArray(rows.map((r) => r.responseHeaders)),
    stringArray(rows.map((r) => r.responseBody)),
  ]);
}
