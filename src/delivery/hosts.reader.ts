/** Hosts as the API shows them: shape of contract/http.md. */
import { statement, type Sql } from '../persistence/database.js';
import { circuitAt, circuitCounts, INITIAL_CIRCUIT, type CircuitState } from './circuit.js';
import { circuitRules, type HostSettings } from './host-settings.js';
import { allowance, INITIAL_RATE, type RateState } from './rate-window.js';

export interface HostOutRow {
  readonly id: number;
  readonly origin: string;
  readonly paused: boolean;
  readonly circuit_state: CircuitState | null;
  readonly rate_state: RateState | null;
  readonly deferred_until: Date | null;
  readonly settings: HostSettings;
  readonly warning: string | null;
  readonly queued: number;
  readonly oldest_due_at: Date | null;
}

// Index delivery_due holds exactly what is queued.
const SELECT = `select h.id, h.origin, h.paused, h.circuit_state, h.rate_state, h.deferred_until, h.settings, h.warning,
    q.queued, least(due.at, retry.at) as oldest_due_at
  from host h
  cross join lateral (select count(*)::integer as queued from delivery d where d.host_id = h.id and d.status in ('due', 'retry')) as q
  left join lateral (select due_at as at from delivery where host_id = h.id and status = 'due' order by due_at limit 1) as due on true
  left join lateral (select due_at as at from delivery where host_id = h.id and status = 'retry' order by due_at limit 1) as retry on true`;

const LIST = statement('hosts.list', `${SELECT} where h.workspace = $1 and h.origin > $2 order by h.origin limit $3`);
const SHOW = statement('hosts.show', `${SELECT} where h.workspace = $1 and h.origin = $2`);
const FIND = statement('hosts.find', 'select id from host where workspace = $1 and origin = $2');

/** By origin, after one. */
export function listHosts(sql: Sql, workspace: number, after: string, limit: number): Promise<HostOutRow[]> {
  return sql.query<HostOutRow>(LIST, [workspace, after, limit]);
}

export async function showHost(sql: Sql, workspace: number, origin: string): Promise<HostOutRow | undefined> {
  const [row] = await sql.query<HostOutRow>(SHOW, [workspace, origin]);
  return row;
}

export async function findHostId(sql: Sql, workspace: number, origin: string): Promise<number | undefined> {
  const [row] = await sql.query<{ id: number }>(FIND, [workspace, origin]);
  return row?.id;
}

export interface HostOut {
  readonly host: string;
  readonly circuit: 'closed' | 'open' | 'half_open';
  /** When the host takes requests again. */
  readonly retry_at: string | null;
  /** Of the circuit's window at hand. */
  readonly failures: number;
  readonly requests: number;
  readonly queued: number;
  readonly oldest_due_at: string | null;
  /** What the host's answers allow; `null`: no limit is known. */
  readonly rate: {
    readonly per_second: number | null;
    readonly limit: number | null;
    readonly remaining: number | null;
    readonly reset_at: string | null;
    readonly blocked_until: string | null;
  } | null;
  readonly paused: boolean;
  readonly settings: HostSettings;
  readonly warning: string | null;
}

export function toHostOut(row: HostOutRow, now: number): HostOut {
  const circuit = circuitAt(row.circuit_state ?? INITIAL_CIRCUIT, now);
  const { requests, failures } = circuitCounts(circuit, now, circuitRules(row.settings).window);
  const deferred = row.deferred_until && row.deferred_until.getTime() > now ? row.deferred_until : null;
  const until = circuit.state === 'open' ? new Date(circuit.until) : deferred;
  return {
    host: row.origin,
    circuit: circuit.state,
    retry_at: until?.toISOString() ?? null,
    failures,
    requests,
    queued: row.queued,
    oldest_due_at: row.oldest_due_at?.toISOString() ?? null,
    rate: rateOut(row.rate_state ?? INITIAL_RATE, now),
    paused: row.paused,
    settings: row.settings,
    warning: row.warning,
  };
}

function rateOut(state: RateState, now: number): HostOut['rate'] {
  const { rate, notBefore } = allowance(state, now);
  const window = state.window && state.window.reset > now ? state.window : null;
  if (!window && notBefore === null && !Number.isFinite(rate)) return null;
  return {
    per_second: Number.isFinite(rate) ? Math.round(rate * 1000) / 1000 : null,
    limit: window?.limit ?? null,
    remaining: window?.remaining ?? null,
    reset_at: window ? new Date(window.reset).toISOString() : null,
    blocked_until: notBefore === null ? null : new Date(notBefore).toISOString(),
  };
}
