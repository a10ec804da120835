import { statement, type Sql } from './database.js';

const PARTITIONS = statement(
  'housekeeping.partitions',
  `select ensure_partitions(now() - interval '7 days', now() + interval '28 days')`,
);

/** Makes the partitions of the coming weeks. */
export async function ensurePartitions(sql: Sql): Promise<void> {
  await sql.query(PARTITIONS);
}

const IDEMPOTENCY = statement(
  'housekeeping.idempotency',
  `delete from idempotency where created_at < now() - interval '24 hours'`,
);

/** Forgets answers kept for `Idempotency-Key` for longer than a day. */
export async function forgetIdempotency(sql: Sql): Promise<void> {
  await sql.query(IDEMPOTENCY);
}
