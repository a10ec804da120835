import type { JsonObject } from '../kernel/json.js';
import { statement, type Transaction } from '../persistence/database.js';

export interface Act {
  readonly workspace: number;
  readonly actor: string;
  readonly action: string;
  /** What it was done to: an origin, a delivery's id. */
  readonly subject: string;
  readonly details?: JsonObject;
}

const INSERT = statement(
  'delivery.audit',
  'insert into audit (workspace, at, actor, action, subject, details) values ($1, $2, $3, $4, $5, $6)',
);

/** Who did what, in the transaction that did it. */
export async function audit(tx: Transaction, act: Act, now: number): Promise<void> {
  await tx.query(INSERT, [
    act.workspace,
    new Date(now),
    act.actor,
    act.action,
    act.subject,
    JSON.stringify(act.details ?? {}),
  ]);
}
