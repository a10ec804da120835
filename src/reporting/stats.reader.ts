import { isId } from '../kernel/ids.js';
import { statement, type Sql } from '../persistence/database.js';

const FIND = statement('stats.find', 'select id from journey where workspace = $1 and (key = $2 or id = $3::uuid)');

export async function findJourneyId(sql: Sql, workspace: number, keyOrId: string): Promise<string | undefined> {
  const [row] = await sql.query<{ id: string }>(FIND, [workspace, keyOrId, isId(keyOrId) ? keyOrId : null]);
  return row?.id;
}

const WAITING = statement(
  'stats.waiting',
  `select step, status, count(*)::float8 as n from entry
   where journey_id = $1 and status in ('active', 'parked', 'errored') group by step, status`,
);

export function readWaiting(
  sql: Sql,
  journeyId: string,
): Promise<{ step: string | null; status: string; n: number }[]> {
  return sql.query(WAITING, [journeyId]);
}

const WEBHOOKS = statement(
  'stats.webhooks',
  `select step, coalesce(sum(n) filter (where path = 'sent'), 0)::float8 as sent,
     coalesce(sum(n) filter (where path = 'error'), 0)::float8 as errors,
     coalesce(sum(n) filter (where path = 'retry'), 0)::float8 as retries
   from (select step, path, hour, n from counter where journey_id = $1 and what = 'webhook'
         union all
         select step, path, hour, n from counter_delta where journey_id = $1 and what = 'webhook') as all_of_them
   where ($2::timestamptz is null or hour >= $2) and ($3::timestamptz is null or hour < $3)
   group by step`,
);

/** `sent`: answered with 2xx; `errors`: attempts that failed; `retries`: attempts after the first. */
export function readWebhooks(
  sql: Sql,
  journeyId: string,
  from: Date | null,
  to: Date | null,
): Promise<{ step: string; sent: number; errors: number; retries: number }[]> {
  return sql.query(WEBHOOKS, [journeyId, from, to]);
}

export interface RefusalView {
  readonly at: string;
  readonly external_id: string | null;
  readonly reason: string;
}

const REFUSALS = statement(
  'stats.refusals',
  `select r.at, p.external_id, r.reason from refusal r left join profile p on p.lane = r.lane and p.id = r.profile_id
   where r.journey_id = $1 order by r.at desc limit 100`,
);

export async function readRefusals(sql: Sql, journeyId: string): Promise<RefusalView[]> {
  const rows = await sql.query<{ at: Date; external_id: string | null; reason: string }>(REFUSALS, [journeyId]);
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
}
