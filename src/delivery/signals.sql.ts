/** What waiting entries are told; the engine's tick takes it up. Bodies are `Signal` values of journey/decision.ts. */
import type { Signal } from '../journey/decision.js';
import { newId } from '../kernel/ids.js';
import { plainArray, textArray } from '../persistence/arrays.js';
import { statement, type Transaction } from '../persistence/database.js';
import { jsonText } from '../profiles/json-text.js';
import type { Prepared } from './prepare.js';

type DeliverySignal = Extract<Signal, { type: 'delivery' }>;

export interface NewSignal {
  readonly lane: number;
  readonly entryId: string;
  readonly signal: DeliverySignal;
}

const INSERT = statement(
  'delivery.signals',
  `insert into signal (lane, entry_id, id, body) select * from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::jsonb[])`,
);
const NOTIFY = statement('delivery.notify_engine', `select pg_notify('itinera_engine', '')`);

export async function insertSignals(tx: Transaction, signals: readonly NewSignal[], now: number): Promise<void> {
  if (signals.length === 0) return;
  await tx.query(INSERT, [
    plainArray(signals.map((s) => s.lane)),
    plainArray(signals.map((s) => s.entryId)),
    plainArray(signals.map((s) => newId(s.lane, now))),
    textArray(signals.map((s) => jsonText(s.signal))),
  ]);
  await notifyEngine(tx);
}

export async function notifyEngine(tx: Transaction): Promise<void> {
  await tx.query(NOTIFY);
}

export function endSignal(ended: Extract<Prepared, { kind: 'end' }>): NewSignal {
  const { delivery, status, reason, invalid } = ended;
  return {
    lane: delivery.lane,
    entryId: delivery.entry_id,
    signal: {
      type: 'delivery',
      visit: delivery.visit,
      deliveryId: delivery.id,
      outcome: status,
      reason,
      status: null,
      captured: {},
      ...(invalid ? { invalid: true } : {}),
    },
  };
}
