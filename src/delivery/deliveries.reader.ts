/** Deliveries as the API shows them: shapes of contract/http.md. */
import { statement, type Sql } from '../persistence/database.js';
import { STATUS_DEFERRED } from './outcome.js';

export type DeliveryStatus =
  'held' | 'due' | 'sending' | 'retry' | 'delivered' | 'failed' | 'aborted' | 'expired' | 'cancelled';

/** What is asked for, resolved to ids. */
export interface DeliveryQuery {
  readonly journeyId?: string | undefined;
  readonly step?: string | undefined;
  readonly hostId?: number | undefined;
  readonly status?: DeliveryStatus | undefined;
  readonly profile?: { readonly lane: number; readonly id: string } | undefined;
  readonly entry?: { readonly lane: number; readonly id: string } | undefined;
  /** Bounds of the id: creation time. From inclusive, to exclusive. */
  readonly fromId?: string | undefined;
  readonly toId?: string | undefined;
}

export interface DeliveryRow {
  readonly lane: number;
  readonly id: string;
  readonly journey: string;
  readonly step: string;
  readonly entry_id: string;
  readonly external_id: string | null;
  readonly host: string | null;
  readonly method: string | null;
  readonly url: string | null;
  readonly status: DeliveryStatus;
  readonly reason: string | null;
  readonly attempts: number;
  readonly due_at: Date | null;
  readonly response_status: number | null;
  readonly created_at: Date;
  readonly finished_at: Date | null;
  /** Why a due delivery is held back by its host. */
  readonly held: 'paused' | 'circuit_open' | 'rate_limited' | null;
  readonly held_until: Date | null;
}

/** `$1` is the time at hand. A delivery that is due and whose host takes nothing is held, whatever its row says. */
const HELD = `(d.status in ('due', 'retry') and d.due_at <= $1 and (h.paused or h.deferred_until > $1))`;

const COLUMNS = `d.lane, d.id, j.key as journey, d.step, d.entry_id, p.external_id, h.origin as host, d.method, d.url,
  case when ${HELD} then 'held' else d.status end as status, d.reason, d.attempts, d.due_at, d.response_status,
  d.created_at, d.finished_at,
  case when not coalesce(${HELD}, false) then null when h.paused then 'paused' when h.circuit <> 'closed' then 'circuit_open'
    else 'rate_limited' end as held,
  case when ${HELD} and not h.paused then h.deferred_until end as held_until`;
const SOURCE = `delivery d join journey j on j.id = d.journey_id
  left join host h on h.id = d.host_id
  left join profile p on p.lane = d.lane and p.id = d.profile_id`;

/** Newest first. `before`: id of the last one of the page before. */
export async function listDeliveries(
  sql: Sql,
  workspace: number,
  query: DeliveryQuery,
  page: { before: string | null; limit: number; now: number },
): Promise<DeliveryRow[]> {
  const { conditions, values } = where(workspace, query, page.now);
  if (page.before !== null) conditions.push(`d.id < $${values.push(page.before)}`);
  return sql.query<DeliveryRow>(
    `select ${COLUMNS} from ${SOURCE} where ${conditions.join(' and ')} order by d.id desc limit $${values.push(page.limit)}`,
    values,
  );
}

/** Conditions over `d` (delivery) and `h` (its host), with `$1` the time and `$2` the workspace. */
export function where(
  workspace: number,
  query: DeliveryQuery,
  now: number,
): { conditions: string[]; values: unknown[] } {
  const values: unknown[] = [new Date(now), workspace];
  const conditions = ['d.workspace = $2'];
  const add = (condition: (parameter: string) => string, value: unknown): void => {
    if (value !== undefined) conditions.push(condition(`$${values.push(value)}`));
  };
  add((p) => `d.journey_id = ${p}`, query.journeyId);
  add((p) => `d.step = ${p}`, query.step);
  add((p) => `d.host_id = ${p}`, query.hostId);
  add((p) => `d.lane = ${p}`, query.profile?.lane ?? query.entry?.lane);
  add((p) => `d.entry_id = ${p}`, query.entry?.id);
  add((p) => `d.id >= ${p}`, query.fromId);
  add((p) => `d.id < ${p}`, query.toId);
  if (query.profile) {
    // By way of the profile's entries: deliveries have no index of their own by profile.
    const [lane, id] = [`$${values.push(query.profile.lane)}`, `$${values.push(query.profile.id)}`];
    const entries = `select e.id from entry e where e.lane = ${lane} and e.profile_id = ${id}`;
    conditions.push(`d.profile_id = ${id} and d.entry_id = any (array(${entries}))`);
  }
  if (query.status === 'held') conditions.push(`(d.status = 'held' or ${HELD})`);
  else if (query.status === 'due' || query.status === 'retry') {
    add((p) => `d.status = ${p} and not coalesce(${HELD}, false)`, query.status);
  } else add((p) => `d.status = ${p}`, query.status);
  return { conditions, values };
}

export interface DeliveryDetailRow extends DeliveryRow {
  readonly headers: Readonly<Record<string, string>> | null;
  readonly body: Buffer | null;
}

const SHOW = statement(
  'deliveries.show',
  `select ${COLUMNS}, d.headers, d.body from ${SOURCE} where d.lane = $2 and d.id = $3 and d.workspace = $4`,
);

export async function showDelivery(
  sql: Sql,
  workspace: number,
  lane: number,
  id: string,
  now: number,
): Promise<DeliveryDetailRow | undefined> {
  const [row] = await sql.query<DeliveryDetailRow>(SHOW, [new Date(now), lane, id, workspace]);
  return row;
}

export interface AttemptLogRow {
  readonly number: number;
  readonly at: Date;
  readonly duration_ms: number;
  readonly status: number | null;
  readonly error: string | null;
  readonly response_headers: Readonly<Record<string, string | readonly string[]>> | null;
  readonly response_body: string | null;
}

const ATTEMPTS = statement(
  'deliveries.attempts',
  `select number, at, duration_ms, status, error, response_headers, response_body from attempt
   where lane = $1 and delivery_id = $2 order by number`,
);

export function listAttempts(sql: Sql, lane: number, id: string): Promise<AttemptLogRow[]> {
  return sql.query<AttemptLogRow>(ATTEMPTS, [lane, id]);
}

export interface DeliveryOut {
  readonly id: string;
  readonly journey: string;
  readonly step: string;
  readonly entry_id: string;
  readonly external_id: string | null;
  readonly host: string | null;
  readonly method: string | null;
  readonly url: string | null;
  readonly status: DeliveryStatus;
  readonly reason: string | null;
  readonly attempts: number;
  readonly next_attempt_at: string | null;
  readonly response_status: number | null;
  readonly created_at: string;
  readonly finished_at: string | null;
}

export function toDeliveryOut(row: DeliveryRow, mask: (url: string) => string): DeliveryOut {
  const next = row.held_until ?? (row.held === 'paused' || row.status === 'sending' ? null : row.due_at);
  return {
    id: row.id,
    journey: row.journey,
    step: row.step,
    entry_id: row.entry_id,
    external_id: row.external_id,
    host: row.host,
    method: row.method,
    url: row.url === null ? null : mask(row.url),
    status: row.status,
    reason: row.held ?? row.reason,
    attempts: row.attempts,
    next_attempt_at: next?.toISOString() ?? null,
    response_status: row.held === 'circuit_open' ? STATUS_DEFERRED : row.response_status,
    created_at: row.created_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
  };
}
