import type { Signal } from '../journey/decision.js';
import { statement, type Transaction } from '../persistence/database.js';
import { insertSignals, wakeEngine } from './signals.store.js';
import { insertTimers } from './timers.store.js';

const LOCK_OPEN = statement(
  'entries.lock_open',
  'select status from entry where lane = $1 and id = $2 and status = any($3::text[]) for update',
);
// An errored entry hears nothing: it is taken up with the signal as its next input.
const REOPEN = statement(
  'entries.reopen',
  `update entry set status = 'active', reason = null, error = null where lane = $1 and id = $2`,
);

/** Writes a signal for an entry in one of the given statuses; false when it is in none of them. */
export async function signalOpen(
  tx: Transaction,
  lane: number,
  id: string,
  signal: Signal,
  statuses: readonly string[],
  now: number,
): Promise<boolean> {
  const [row] = await tx.query<{ status: string }>(LOCK_OPEN, [lane, id, statuses]);
  if (!row) return false;
  if (row.status === 'errored') await tx.query(REOPEN, [lane, id]);
  await insertSignals(tx, [{ lane, entryId: id, signal }], now);
  await wakeEngine(tx);
  return true;
}

const LOCK_ERRORED = statement(
  'entries.lock_errored',
  `select error from entry where lane = $1 and id = $2 and status = 'errored' for update`,
);
const RESUME = statement(
  'entries.resume',
  `update entry set status = 'active', reason = null, error = null, wake_at = to_timestamp($3::float8 / 1000) where lane = $1 and id = $2`,
);

/** Makes an errored entry active again, with the signals and the timer it failed on; false when it is not errored. */
export async function resumeErrored(tx: Transaction, lane: number, id: string, now: number): Promise<boolean> {
  const [row] = await tx.query<{ error: { signals?: Signal[]; wake_at?: number | null } | null }>(LOCK_ERRORED, [
    lane,
    id,
  ]);
  if (!row) return false;
  const signals = row.error?.signals ?? [];
  // Its own timer, if it had one, is still due; an entry that only waited for a signal has none.
  const wakeAt = row.error?.wake_at ?? (signals.length > 0 ? null : now);
  await tx.query(RESUME, [lane, id, wakeAt]);
  if (wakeAt !== null) await insertTimers(tx, [{ lane, id, at: wakeAt }]);
  await insertSignals(
    tx,
    signals.map((signal) => ({ lane, entryId: id, signal })),
    now,
  );
  await wakeEngine(tx);
  return true;
}
