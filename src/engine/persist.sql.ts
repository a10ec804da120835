/** Everything a tick writes about entries: one statement per table, whatever the size of the batch. */
import { plainArray, textArray, timeArray } from '../persistence/arrays.js';
import type { Moved } from './decide.js';
import { int2Array, int4Array, stringArray, timestampArray, uuidArray } from '../persistence/binary-arrays.js';
import { statement, type Transaction } from '../persistence/database.js';

export interface EntryUpdate {
  readonly lane: number;
  readonly id: string;
  readonly status: string;
  readonly reason: string | null;
  readonly step: string | null;
  readonly visit: number;
  readonly arrivedAt: number;
  readonly wakeAt: number | null;
  /** JSON text. */
  readonly memory: string | null;
  readonly exitReason: string | null;
  /** JSON text; `null` = unchanged. */
  readonly context: string | null;
  readonly endedAt: number | null;
  /** JSON text. */
  readonly error: string | null;
}

const UPDATE = statement(
  'persist.entries',
  `update entry e
   set status = u.status, reason = u.reason, step = u.step, visit = u.visit, arrived_at = u.arrived_at, wake_at = u.wake_at,
     memory = u.memory, exit_reason = u.exit_reason, context = coalesce(u.context, e.context), ended_at = u.ended_at, error = u.error
   from unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::timestamptz[], $8::timestamptz[],
     $9::jsonb[], $10::text[], $11::jsonb[], $12::timestamptz[], $13::jsonb[])
     as u (lane, id, status, reason, step, visit, arrived_at, wake_at, memory, exit_reason, context, ended_at, error)
   where e.lane = u.lane and e.id = u.id`,
);

// Half the columns of `persist.entries`, half the time.
const STEP_ON = statement(
  'persist.step_on',
  `update entry e set step = u.step, visit = u.visit, arrived_at = u.arrived_at, wake_at = u.wake_at, memory = null
   from unnest($1::smallint[], $2::uuid[], $3::text[], $4::integer[], $5::timestamptz[], $6::timestamptz[])
     as u (lane, id, step, visit, arrived_at, wake_at)
   where e.lane = u.lane and e.id = u.id`,
);

/** Moves entries on to the step they wait in; they were active and stay so, their context is unchanged. */
export async function stepOn(tx: Transaction, moved: readonly Moved[]): Promise<void> {
  if (moved.length === 0) return;
  await tx.query(STEP_ON, [
    int2Array(moved.map(({ claimed }) => claimed.row.lane)),
    uuidArray(moved.map(({ claimed }) => claimed.row.id)),
    stringArray(moved.map(({ state }) => state.step)),
    int4Array(moved.map(({ state }) => state.visit)),
    timestampArray(moved.map(({ state }) => state.arrivedAt)),
    timestampArray(moved.map(({ state }) => state.dueAt)),
  ]);
}

export async function updateEntries(tx: Transaction, updates: readonly EntryUpdate[]): Promise<void> {
  if (updates.length === 0) return;
  await tx.query(UPDATE, [
    plainArray(updates.map((u) => u.lane)),
    plainArray(updates.map((u) => u.id)),
    plainArray(updates.map((u) => u.status)),
    textArray(updates.map((u) => u.reason)),
    textArray(updates.map((u) => u.step)),
    plainArray(updates.map((u) => u.visit)),
    timeArray(updates.map((u) => u.arrivedAt)),
    timeArray(updates.map((u) => u.wakeAt)),
    textArray(updates.map((u) => u.memory)),
    textArray(updates.map((u) => u.exitReason)),
    textArray(updates.map((u) => u.context)),
    timeArray(updates.map((u) => u.endedAt)),
    textArray(updates.map((u) => u.error)),
  ]);
}

const VISITS = statement(
  'persist.visits',
  `insert into visit (lane, entry_id, at, trail)
   select lane, entry_id, $4::timestamptz, trail from unnest($1::smallint[], $2::uuid[], $3::text[]) as v (lane, entry_id, trail)`,
);

/** Appends what each entry passed in this tick to its timeline. */
export async function insertVisits(
  tx: Transaction,
  visits: readonly { lane: number; entryId: string; trail: string }[],
  now: number,
): Promise<void> {
  if (visits.length === 0) return;
  await tx.query(VISITS, [
    int2Array(visits.map((v) => v.lane)),
    uuidArray(visits.map((v) => v.entryId)),
    stringArray(visits.map((v) => v.trail)),
    new Date(now),
  ]);
}

const STOP_WAITING = statement(
  'persist.stop_waiting',
  `delete from wait w using unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::boolean[]) as d (lane, profile_id, entry_id, all_of_them)
   where w.lane = d.lane and w.profile_id = d.profile_id and w.entry_id = d.entry_id and (d.all_of_them or w.kind = 'action')`,
);

/** `ended`: the exit waits go too. */
export async function deleteWaits(
  tx: Transaction,
  waits: readonly { lane: number; profileId: string; entryId: string; ended: boolean }[],
): Promise<void> {
  if (waits.length === 0) return;
  await tx.query(STOP_WAITING, [
    plainArray(waits.map((w) => w.lane)),
    plainArray(waits.map((w) => w.profileId)),
    plainArray(waits.map((w) => w.entryId)),
    plainArray(waits.map((w) => w.ended)),
  ]);
}

export interface NewWait {
  readonly lane: number;
  readonly profileId: string;
  readonly entryId: string;
  readonly topic: string;
  readonly journeyId: string;
  readonly version: number;
  readonly step: string;
  readonly visit: number;
  readonly since: number;
}

const WAIT = statement(
  'persist.wait',
  `insert into wait (lane, profile_id, entry_id, kind, topic, journey_id, version, step, visit, since)
   select lane, profile_id, entry_id, 'action', topic, journey_id, version, step, visit, since
   from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::integer[], $7::text[], $8::integer[], $9::timestamptz[])
     as w (lane, profile_id, entry_id, topic, journey_id, version, step, visit, since)`,
);

/** The profiles' locks are held: an event ingested from now on sees these waits. */
export async function insertWaits(tx: Transaction, waits: readonly NewWait[]): Promise<void> {
  if (waits.length === 0) return;
  await tx.query(WAIT, [
    plainArray(waits.map((w) => w.lane)),
    plainArray(waits.map((w) => w.profileId)),
    plainArray(waits.map((w) => w.entryId)),
    textArray(waits.map((w) => w.topic)),
    plainArray(waits.map((w) => w.journeyId)),
    plainArray(waits.map((w) => w.version)),
    textArray(waits.map((w) => w.step)),
    plainArray(waits.map((w) => w.visit)),
    timeArray(waits.map((w) => w.since)),
  ]);
}

// What has been attempted runs its course (it may have arrived); what has not is taken back.
const CANCEL = statement(
  'persist.cancel_deliveries',
  `update delivery d set status = 'cancelled', reason = 'entry_exited', due_at = null, finished_at = $3::timestamptz
   from unnest($1::smallint[], $2::uuid[]) as x (lane, entry_id)
   where d.lane = x.lane and d.entry_id = x.entry_id and d.status in ('due', 'held') and d.attempts = 0`,
);

/** Cancels deliveries of entries that have left which no attempt was made for. */
export async function cancelDeliveries(
  tx: Transaction,
  entries: readonly { lane: number; id: string }[],
  now: number,
): Promise<void> {
  if (entries.length === 0) return;
  await tx.query(CANCEL, [plainArray(entries.map((e) => e.lane)), plainArray(entries.map((e) => e.id)), new Date(now)]);
}
