import { statement, type Sql, type Transaction } from '../persistence/database.js';

export interface ScheduleRow {
  readonly journey_id: string;
  readonly version: number;
  /** Epoch milliseconds. */
  readonly next_run_at: number | null;
  readonly run_at: number | null;
  readonly cursor_lane: number | null;
  readonly cursor_id: string | null;
}

// One worker per schedule at a time; another takes over from the cursor when it dies.
const CLAIM = statement(
  'schedule.claim',
  `select journey_id, version, extract(epoch from next_run_at)::float8 * 1000 as next_run_at,
     extract(epoch from run_at)::float8 * 1000 as run_at, cursor_lane, cursor_id
   from journey_schedule
   where run_at is not null or next_run_at <= to_timestamp($1::float8 / 1000)
   order by coalesce(run_at, next_run_at) limit 1 for update skip locked`,
);

/** A schedule with something to do: a run in progress, or one that is due. */
export async function claimSchedule(tx: Transaction, now: number): Promise<ScheduleRow | undefined> {
  const [row] = await tx.query<ScheduleRow>(CLAIM, [now]);
  return row;
}

const SAVE = statement(
  'schedule.save',
  `update journey_schedule
   set next_run_at = to_timestamp($2::float8 / 1000), run_at = to_timestamp($3::float8 / 1000), cursor_lane = $4, cursor_id = $5,
     runs = runs + $6
   where journey_id = $1`,
);

export async function saveSchedule(tx: Transaction, row: ScheduleRow, finished: boolean): Promise<void> {
  await tx.query(SAVE, [row.journey_id, row.next_run_at, row.run_at, row.cursor_lane, row.cursor_id, finished ? 1 : 0]);
}

/** Ids of the next profiles of a workspace after the cursor, in (lane, id) order, for which `condition` holds. */
export function readAudience(
  sql: Sql,
  workspace: number,
  condition: { readonly text: string; readonly values: readonly unknown[] },
  after: { readonly lane: number; readonly id: string } | null,
  limit: number,
): Promise<{ lane: number; id: string }[]> {
  const base = condition.values.length;
  return sql.query(
    `select p.lane, p.id from profile p
     where p.workspace = $${base + 1} and (p.lane, p.id) > ($${base + 2}::smallint, $${base + 3}::uuid) and (${condition.text})
     order by p.lane, p.id limit $${base + 4}`,
    [...condition.values, workspace, after?.lane ?? -1, after?.id ?? '00000000-0000-0000-0000-000000000000', limit],
  );
}
