import type { JsonObject } from '../../kernel/json.js';
import { statement, type Sql } from '../../persistence/database.js';

/** Milliseconds for which an answer is kept. */
export const KEPT_MS = 24 * 3_600_000;
/** A request that has not ended after so long has lost its process: another may take its place. */
export const ABANDONED_MS = 120_000;

// Insert-first: of two requests with one key, the primary key lets one in. A kept row that is too old counts as none.
const CLAIM = statement(
  'idempotency.claim',
  `insert into idempotency (workspace, key, fingerprint, created_at) values ($1, $2, $3, $4)
   on conflict (workspace, key) do update set fingerprint = excluded.fingerprint, status = null, body = null, created_at = excluded.created_at
   where idempotency.created_at < $5 or (idempotency.status is null and idempotency.created_at < $6)
   returning 1 as claimed`,
);
const FIND = statement(
  'idempotency.find',
  `select fingerprint = $3 as same, status, body from idempotency where workspace = $1 and key = $2`,
);
const COMPLETE = statement(
  'idempotency.complete',
  'update idempotency set status = $4, body = $5::json where workspace = $1 and key = $2 and created_at = $3',
);
const RELEASE = statement(
  'idempotency.release',
  'delete from idempotency where workspace = $1 and key = $2 and created_at = $3 and status is null',
);

export type Claim =
  | { readonly kind: 'claimed' }
  | { readonly kind: 'answered'; readonly status: number; readonly body: JsonObject | null }
  | { readonly kind: 'in_progress' }
  | { readonly kind: 'reused' };

export interface IdempotencyKey {
  readonly workspace: number;
  readonly key: string;
  /** Epoch milliseconds of the claim; tells one holder of the key from the next. */
  readonly now: number;
}

export async function claimKey(sql: Sql, { workspace, key, now }: IdempotencyKey, fingerprint: Buffer): Promise<Claim> {
  const claimed = await sql.query(CLAIM, [
    workspace,
    key,
    fingerprint,
    new Date(now),
    new Date(now - KEPT_MS),
    new Date(now - ABANDONED_MS),
  ]);
  if (claimed.length > 0) return { kind: 'claimed' };
  const [row] = await sql.query<{ same: boolean; status: number | null; body: JsonObject | null }>(FIND, [
    workspace,
    key,
    fingerprint,
  ]);
  // Released between the two statements: the other request failed just now, so this one may be sent again.
  if (!row) return { kind: 'in_progress' };
  if (!row.same) return { kind: 'reused' };
  return row.status === null ? { kind: 'in_progress' } : { kind: 'answered', status: row.status, body: row.body };
}

export async function completeKey(
  sql: Sql,
  { workspace, key, now }: IdempotencyKey,
  status: number,
  body: unknown,
): Promise<void> {
  await sql.query(COMPLETE, [workspace, key, new Date(now), status, body === undefined ? null : JSON.stringify(body)]);
}

/** Forgets a request that changed nothing, so that it can be made again. */
export async function releaseKey(sql: Sql, { workspace, key, now }: IdempotencyKey): Promise<void> {
  await sql.query(RELEASE, [workspace, key, new Date(now)]);
}
