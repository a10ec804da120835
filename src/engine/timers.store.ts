import { int2Array, timestampArray, uuidArray } from '../persistence/binary-arrays.js';
import { statement, type Transaction } from '../persistence/database.js';

export interface TimerKey {
  readonly lane: number;
  readonly id: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

const INSERT = statement(
  'timers.insert',
  `insert into timer (wake_at, lane, entry_id) select * from unnest($1::timestamptz[], $2::smallint[], $3::uuid[])`,
);

/** Sets timers for entries whose `wake_at` is written in the same transaction. */
export async function insertTimers(tx: Transaction, timers: readonly TimerKey[]): Promise<void> {
  if (timers.length === 0) return;
  await tx.query(INSERT, columns(timers));
}

const DELETE = statement(
  'timers.delete',
  `delete from timer t using unnest($1::timestamptz[], $2::smallint[], $3::uuid[]) as d (wake_at, lane, entry_id)
   where t.wake_at = d.wake_at and t.lane = d.lane and t.entry_id = d.entry_id`,
);

/** Takes away timers of entries that a signal has moved on. The entries' locks are held. */
export async function deleteTimers(tx: Transaction, timers: readonly TimerKey[]): Promise<void> {
  if (timers.length === 0) return;
  await tx.query(DELETE, columns(timers));
}

function columns(timers: readonly TimerKey[]): Buffer[] {
  return [
    timestampArray(timers.map(({ at }) => at)),
    int2Array(timers.map(({ lane }) => lane)),
    uuidArray(timers.map(({ id }) => id)),
  ];
}
