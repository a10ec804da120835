import { statement, type Sql } from '../persistence/database.js';

export interface Backlog {
  /** Milliseconds by which the oldest due entry is late; 0 when none is due. */
  readonly entryAge: number;
  /** The same for the hosts that have deliveries due. */
  readonly hostAge: number;
  readonly hosts: Readonly<Record<string, number>>;
}

// Both minima are the first entries of indexes; the host table is small.
const BACKLOG = statement(
  'backlog.read',
  `select
     coalesce((select extract(epoch from $1 - min(wake_at)) * 1000 from timer where wake_at <= $1), 0)::float8 as "entryAge",
     coalesce((select extract(epoch from $1 - min(next_due_at)) * 1000 from host where next_due_at is not null and next_due_at <= $1), 0)::float8 as "hostAge",
     coalesce((select jsonb_object_agg(circuit, n) from (select circuit, count(*) as n from host group by circuit) as h), '{}') as hosts`,
);

export async function readBacklog(sql: Sql, now: number): Promise<Backlog> {
  const [row] = await sql.query<Backlog>(BACKLOG, [new Date(now)]);
  return row!;
}
