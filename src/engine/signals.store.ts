import type { Signal } from '../journey/decision.js';
import { newId } from '../kernel/ids.js';
import { plainArray, textArray } from '../persistence/arrays.js';
import { statement, type Transaction } from '../persistence/database.js';

const INSERT = statement(
  'signals.insert',
  `insert into signal (lane, entry_id, id, body)
   select * from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::jsonb[])`,
);

export interface NewSignal {
  readonly lane: number;
  readonly entryId: string;
  readonly signal: Signal;
}

const WAKE = statement('signals.wake_engine', `select pg_notify('itinera_engine', '')`);

/** Tells idle workers, at commit, that an entry is due or has a signal. */
export async function wakeEngine(tx: Transaction): Promise<void> {
  await tx.query(WAKE);
}

/** Writes signals for entries; the next tick takes them up, in this order per entry. */
export async function insertSignals(tx: Transaction, signals: readonly NewSignal[], now: number): Promise<void> {
  if (signals.length === 0) return;
  await tx.query(INSERT, [
    plainArray(signals.map((s) => s.lane)),
    plainArray(signals.map((s) => s.entryId)),
    plainArray(orderedIds(signals, now)),
    textArray(signals.map((s) => JSON.stringify(s.signal))),
  ]);
}

/** Ids of one millisecond do not sort among themselves: the second signal of an entry gets the next one. */
function orderedIds(signals: readonly NewSignal[], now: number): string[] {
  const seen = new Map<string, number>();
  return signals.map(({ lane, entryId }) => {
    const nth = seen.get(entryId) ?? 0;
    seen.set(entryId, nth + 1);
    return newId(lane, now + nth);
  });
}
