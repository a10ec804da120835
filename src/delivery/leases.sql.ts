/** Leases: extended while their holder lives, given back unsent, and taken back when their holder is gone. */
import { plainArray, timeArray } from '../persistence/arrays.js';
import { statement, type Sql, type Transaction } from '../persistence/database.js';

export interface LeaseRef {
  readonly lane: number;
  readonly id: string;
  readonly token: string;
}

const EXTEND = statement(
  'delivery.extend_leases',
  `update delivery d set lease_until = u.lease_until
   from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::timestamptz[]) as u (lane, id, token, lease_until)
   where d.lane = u.lane and d.id = u.id and d.status = 'sending' and d.lease_token = u.token
   returning d.id`,
);

/** Returns the ids whose lease is still held. */
export async function extendLeases(sql: Sql, leases: readonly (LeaseRef & { until: number })[]): Promise<Set<string>> {
  const rows = await sql.query<{ id: string }>(EXTEND, [
    plainArray(leases.map((l) => l.lane)),
    plainArray(leases.map((l) => l.id)),
    plainArray(leases.map((l) => l.token)),
    timeArray(leases.map((l) => l.until)),
  ]);
  return new Set(rows.map(({ id }) => id));
}

const RELEASE = statement(
  'delivery.release',
  `update delivery d set status = case when d.attempts = 0 then 'due' else 'retry' end, lease_until = null, lease_token = null
   from unnest($1::smallint[], $2::uuid[], $3::uuid[]) as u (lane, id, token)
   where d.lane = u.lane and d.id = u.id and d.status = 'sending' and d.lease_token = u.token
   returning d.host_id, date_part('epoch', d.due_at) * 1000 as due_at`,
);

/** Puts leased, unsent deliveries back where they were. They have cost no attempt. */
export function releaseLeases(
  tx: Transaction,
  leases: readonly LeaseRef[],
): Promise<{ host_id: number; due_at: number }[]> {
  return tx.query(RELEASE, [
    plainArray(leases.map((l) => l.lane)),
    plainArray(leases.map((l) => l.id)),
    plainArray(leases.map((l) => l.token)),
  ]);
}

// Index delivery_lease.
const SWEEP = statement(
  'delivery.sweep_leases',
  `update delivery d set status = case when d.attempts = 0 then 'due' else 'retry' end, lease_until = null, lease_token = null
   from (select lane, id from delivery where status = 'sending' and lease_until < $1::timestamptz
         order by lease_until limit $2 for update skip locked) as expired
   where d.lane = expired.lane and d.id = expired.id
   returning d.host_id`,
);

/** Takes back leases whose holder is gone. Returns the hosts concerned, one per delivery. */
export async function sweepLeases(tx: Transaction, now: number, limit: number): Promise<number[]> {
  const rows = await tx.query<{ host_id: number }>(SWEEP, [new Date(now), limit]);
  return rows.map(({ host_id }) => host_id);
}
