/** Entries as the API shows them: lists, and one entry with its timeline, deliveries and attempts. */
import { laneOfId, isId } from '../kernel/ids.js';
import type { Json, JsonObject } from '../kernel/json.js';
import { statement, type Sql } from '../persistence/database.js';

export interface EntryView {
  readonly id: string;
  readonly journey: string;
  readonly version: number;
  readonly external_id: string | null;
  readonly profile_id: string;
  readonly variant: string | null;
  readonly status: string;
  readonly reason: string | null;
  readonly step: string | null;
  readonly wake_at: string | null;
  readonly context: JsonObject;
  readonly entered_at: string;
  readonly ended_at: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface TimelineItem {
  readonly at: string;
  readonly step: string | null;
  readonly type: string | null;
  readonly what: string;
  readonly path: string | null;
  readonly why: string | null;
  readonly delivery_id: string | null;
  readonly until?: string | null;
}

/** The row behind it. */
interface EntryRecord extends Omit<EntryView, 'wake_at' | 'entered_at' | 'ended_at'> {
  readonly wake_at: Date | null;
  readonly entered_at: Date;
  readonly ended_at: Date | null;
}

const SELECT = `select e.id, j.key as journey, e.version, p.external_id, e.profile_id, e.variant, e.status, e.reason, e.step, e.wake_at,
    e.context, e.entered_at, e.ended_at, case when e.error is null then null else jsonb_build_object('code', e.error -> 'code', 'message', e.error -> 'message') end as error
  from entry e join journey j on j.id = e.journey_id left join profile p on p.lane = e.lane and p.id = e.profile_id`;

function toView(row: EntryRecord): EntryView {
  return {
    ...row,
    wake_at: row.wake_at?.toISOString() ?? null,
    entered_at: row.entered_at.toISOString(),
    ended_at: row.ended_at?.toISOString() ?? null,
  };
}

export interface EntryFilter {
  readonly journeyId?: string;
  readonly profile?: { readonly lane: number; readonly id: string };
  readonly status?: string;
  readonly step?: string;
  readonly version?: number;
  /** Of `entered_at`. */
  readonly from?: Date;
  readonly to?: Date;
}

// Newest first; the cursor is the last id of the page before (ids sort by time).
const LIST = statement(
  'entries.list',
  `${SELECT}
   where e.workspace = $1 and ($2::uuid is null or e.journey_id = $2) and ($3::smallint is null or (e.lane = $3 and e.profile_id = $4))
     and ($5::text is null or e.status = $5) and ($6::text is null or e.step = $6) and ($7::integer is null or e.version = $7)
     and ($8::timestamptz is null or e.entered_at >= $8) and ($9::timestamptz is null or e.entered_at < $9)
     and ($10::uuid is null or e.id < $10)
   order by e.id desc limit $11`,
);

export async function listEntries(
  sql: Sql,
  workspace: number,
  filter: EntryFilter,
  before: string | null,
  limit: number,
): Promise<EntryView[]> {
  const rows = await sql.query<EntryRecord>(LIST, [
    workspace,
    filter.journeyId ?? null,
    filter.profile?.lane ?? null,
    filter.profile?.id ?? null,
    filter.status ?? null,
    filter.step ?? null,
    filter.version ?? null,
    filter.from ?? null,
    filter.to ?? null,
    before,
    limit,
  ]);
  return rows.map(toView);
}

const ONE = statement('entries.one', `${SELECT} where e.lane = $1 and e.id = $2 and e.workspace = $3`);
const VISITS = statement('entries.visits', 'select at, trail from visit where lane = $1 and entry_id = $2 order by at');
const DELIVERIES = statement(
  'entries.deliveries',
  `select d.id, d.step, d.status, d.reason, d.attempts, d.url, d.response_status, d.created_at, d.finished_at,
     coalesce((select jsonb_agg(jsonb_build_object('number', a.number, 'at', a.at, 'duration_ms', a.duration_ms, 'status', a.status, 'error', a.error) order by a.number)
       from attempt a where a.lane = d.lane and a.delivery_id = d.id), '[]') as attempt_log
   from delivery d where d.lane = $1 and d.entry_id = $2 order by d.id`,
);

/** One entry with its timeline; `undefined` when there is none in this workspace. */
export async function showEntry(
  sql: Sql,
  workspace: number,
  id: string,
): Promise<(EntryView & { timeline: TimelineItem[]; deliveries: Json[] }) | undefined> {
  if (!isId(id)) return undefined;
  const lane = laneOfId(id);
  const [row] = await sql.query<EntryRecord>(ONE, [lane, id, workspace]);
  if (!row) return undefined;
  const visits = await sql.query<{ at: Date; trail: string }>(VISITS, [lane, id]);
  const deliveries = await sql.query<{ created_at: Date; finished_at: Date | null }>(DELIVERIES, [lane, id]);
  return {
    ...toView(row),
    timeline: visits.flatMap(({ at, trail }) =>
      (JSON.parse(trail) as StoredItem[]).map((item) => toTimelineItem(at.toISOString(), item)),
    ),
    deliveries: deliveries.map((delivery) => JSON.parse(JSON.stringify(delivery)) as Json),
  };
}

interface StoredItem {
  readonly step: string | null;
  readonly type: string | null;
  readonly what: string;
  readonly path?: string;
  readonly why?: string;
  readonly until?: number | null;
  readonly delivery_id?: string;
}

function toTimelineItem(at: string, item: StoredItem): TimelineItem {
  return {
    at,
    step: item.step,
    type: item.type,
    what: item.what,
    path: item.path ?? null,
    why: item.why ?? null,
    delivery_id: item.delivery_id ?? null,
    ...(item.until === undefined ? {} : { until: item.until === null ? null : new Date(item.until).toISOString() }),
  };
}
