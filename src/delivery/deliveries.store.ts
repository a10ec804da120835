/** What operators do to deliveries. */
import { plainArray } from '../persistence/arrays.js';
import { statement, type Transaction } from '../persistence/database.js';
import { where, type DeliveryQuery, type DeliveryStatus } from './deliveries.reader.js';

export interface LockedDelivery {
  readonly status: DeliveryStatus;
  readonly host_id: number | null;
  readonly entry_id: string;
  readonly visit: number;
}

const LOCK = statement(
  'deliveries.lock',
  `select status, host_id, entry_id, visit from delivery where lane = $1 and id = $2 and workspace = $3 for update`,
);

export async function lockDelivery(
  tx: Transaction,
  workspace: number,
  lane: number,
  id: string,
): Promise<LockedDelivery | undefined> {
  const [row] = await tx.query<LockedDelivery>(LOCK, [lane, id, workspace]);
  return row;
}

/** Same id and bytes, a fresh budget of attempts. */
const AGAIN = `status = 'due', reason = null, due_at = u.due_at, finished_at = null, lease_until = null, lease_token = null,
  retried_after = d.attempts, first_attempt_at = null`;

const RETRY = statement(
  'deliveries.retry',
  `update delivery d set ${AGAIN}
   from unnest($1::smallint[], $2::uuid[]) with ordinality as r (lane, id, n)
   cross join lateral (select $3::timestamptz + (r.n - 1) * $4::float8 * interval '1 millisecond' as due_at) as u
   where d.lane = r.lane and d.id = r.id`,
);

/** The rows must be locked by the caller. They fall due one after another, `spacing` milliseconds apart. */
export async function retryDeliveries(
  tx: Transaction,
  refs: readonly { lane: number; id: string }[],
  from: number,
  spacing: number,
): Promise<void> {
  if (refs.length === 0) return;
  await tx.query(RETRY, [
    plainArray(refs.map((r) => r.lane)),
    plainArray(refs.map((r) => r.id)),
    new Date(from),
    spacing,
  ]);
}

/** Locks ended deliveries with a host, oldest first, after an id. What somebody else holds is passed by. */
export async function lockEnded(
  tx: Transaction,
  workspace: number,
  query: DeliveryQuery,
  statuses: readonly DeliveryStatus[],
  page: { after: string | null; limit: number; now: number },
): Promise<{ lane: number; id: string; host_id: number }[]> {
  const { conditions, values } = where(workspace, query, page.now);
  conditions.push(`$1::timestamptz is not null`, `d.host_id is not null`, `d.status = any ($${values.push(statuses)})`);
  if (page.after !== null) conditions.push(`d.id > $${values.push(page.after)}`);
  return tx.query(
    `select d.lane, d.id, d.host_id from delivery d where ${conditions.join(' and ')}
     order by d.id limit $${values.push(page.limit)} for update of d skip locked`,
    values,
  );
}

const CANCEL = statement(
  'deliveries.cancel',
  `update delivery set status = 'cancelled', reason = 'cancelled', due_at = null, finished_at = $3
   where lane = $1 and id = $2`,
);

export async function cancelDelivery(tx: Transaction, lane: number, id: string, now: number): Promise<void> {
  await tx.query(CANCEL, [lane, id, new Date(now)]);
}
