/**
 * What the tick claims. Every statement returns the locked row's own columns: joining the table again after the lock
 * would read the snapshot from before another worker's commit and advance an entry twice.
 */
import { plainArray } from '../persistence/arrays.js';
import { int2Array, uuidArray } from '../persistence/binary-arrays.js';
import { statement, type Sql, type Transaction } from '../persistence/database.js';
import type { EntryRow, SignalRow } from './entry-row.js';

const COLUMNS = `e.lane, e.id, e.workspace, e.journey_id, e.version, e.profile_id, e.variant, e.status, e.step, e.visit,
  date_part('epoch', e.arrived_at) * 1000 as arrived_at, date_part('epoch', e.wake_at) * 1000 as wake_at,
  e.memory, e.exit_reason, e.context, date_part('epoch', e.entered_at) * 1000 as entered_at`;

// Takes the due timers away: a rollback brings them back. They are inserted and deleted but never updated, so deleting by
// the ctid that was locked a moment ago cannot meet another version of the row. The lower bound skips the dead index
// entries that a busy timer leaves at its head until vacuum removes them; the caller moves it and looks without it now
// and then.
const DUE = statement(
  'claim.due',
  `delete from timer where ctid = any (array(
     select ctid from timer
     where wake_at <= to_timestamp($1::float8 / 1000) and wake_at >= to_timestamp($2::float8 / 1000)
     order by wake_at limit $3 for update skip locked))
   returning lane, entry_id as id, date_part('epoch', wake_at) * 1000 as at`,
);

export interface Timer {
  readonly lane: number;
  readonly id: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

export async function takeTimers(tx: Transaction, now: number, from: number, limit: number): Promise<Timer[]> {
  const rows = await tx.query<Timer>(DUE, [now, from, limit]);
  return rows.map((row) => ({ ...row, at: Math.round(row.at) }));
}

// Not locked: whoever holds the entry's lock consumes its signals.
const SIGNALLED = statement('claim.signalled', 'select lane, entry_id from signal order by id limit $1');

/** Entries with signals, oldest signal first; each once. */
export async function readSignalled(sql: Sql, limit: number): Promise<{ lane: number; id: string }[]> {
  const rows = await sql.query<{ lane: number; entry_id: string }>(SIGNALLED, [limit]);
  return [...new Map(rows.map((row) => [row.entry_id, { lane: row.lane, id: row.entry_id }])).values()];
}

const NAMED = statement(
  'claim.named',
  `select ${COLUMNS} from entry e
   join unnest($1::smallint[], $2::uuid[]) as n (lane, id) on n.lane = e.lane and n.id = e.id
   for update of e skip locked`,
);

/** Claims named entries, whatever their status. */
export function claimNamed(tx: Transaction, refs: readonly { lane: number; id: string }[]): Promise<EntryRow[]> {
  return tx.query<EntryRow>(NAMED, [int2Array(refs.map((r) => r.lane)), uuidArray(refs.map((r) => r.id))]);
}

const SIGNALS = statement(
  'claim.signals',
  `select s.lane, s.entry_id, s.id, s.body from unnest($1::smallint[], $2::uuid[]) as n (lane, entry_id)
   join signal s using (lane, entry_id) order by s.id`,
);

/** Signals of entries whose lock is held, oldest first. */
export async function readSignals(
  tx: Transaction,
  refs: readonly { lane: number; id: string }[],
): Promise<Map<string, SignalRow[]>> {
  const rows = await tx.query<SignalRow>(SIGNALS, [
    plainArray(refs.map((r) => r.lane)),
    plainArray(refs.map((r) => r.id)),
  ]);
  const byEntry = new Map<string, SignalRow[]>();
  for (const row of rows) {
    const known = byEntry.get(row.entry_id);
    if (known) known.push(row);
    else byEntry.set(row.entry_id, [row]);
  }
  return byEntry;
}

const CONSUME = statement(
  'claim.consume',
  `delete from signal s using unnest($1::smallint[], $2::uuid[], $3::uuid[]) as d (lane, entry_id, id)
   where s.lane = d.lane and s.entry_id = d.entry_id and s.id = d.id`,
);

export async function deleteSignals(tx: Transaction, signals: readonly SignalRow[]): Promise<void> {
  if (signals.length === 0) return;
  await tx.query(CONSUME, [
    plainArray(signals.map((s) => s.lane)),
    plainArray(signals.map((s) => s.entry_id)),
    plainArray(signals.map((s) => s.id)),
  ]);
}

const KEEP_FOR_RETRY = statement(
  'claim.keep_for_retry',
  `update entry e set error = jsonb_set(e.error, '{signals}', coalesce(e.error -> 'signals', '[]') || k.signals)
   from (select s.lane, s.entry_id, jsonb_agg(s.body order by s.id) as signals
         from unnest($1::smallint[], $2::uuid[]) as n (lane, entry_id) join signal s using (lane, entry_id) group by 1, 2) as k
   where e.lane = k.lane and e.id = k.entry_id and e.error is not null`,
);
const DROP = statement(
  'claim.drop',
  `delete from signal s using unnest($1::smallint[], $2::uuid[]) as n (lane, entry_id)
   where s.lane = n.lane and s.entry_id = n.entry_id`,
);

/**
 * Signals of entries that no longer listen, whose locks are held: an errored one keeps them for its retry, for one that
 * has ended they come too late.
 */
export async function settleLate(tx: Transaction, rows: readonly EntryRow[]): Promise<void> {
  const values = (of: readonly EntryRow[]): string[] => [
    plainArray(of.map((r) => r.lane)),
    plainArray(of.map((r) => r.id)),
  ];
  const errored = rows.filter((row) => row.status === 'errored');
  if (errored.length > 0) await tx.query(KEEP_FOR_RETRY, values(errored));
  await tx.query(DROP, values(rows));
}
