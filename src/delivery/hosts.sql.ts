/**
 * Host rows. A worker holds the row's lock while it claims for the host and while it writes what its requests taught, so
 * the limits of a host hold over all workers. Everybody locks several hosts in order of id; claims skip what is locked.
 */
import { plainArray, textArray, timeArray } from '../persistence/arrays.js';
import { statement, type Sql, type Transaction } from '../persistence/database.js';
import { INITIAL_CIRCUIT, type CircuitState } from './circuit.js';
import type { HostSettings } from './host-settings.js';
import { INITIAL_PACING, type HostState, type PacingState } from './pacing.js';
import { INITIAL_RATE, type RateState } from './rate-window.js';

/** A locked host row. Times are epoch milliseconds. */
export interface Host {
  readonly id: number;
  readonly workspace: number;
  readonly origin: string;
  readonly paused: boolean;
  readonly state: HostState;
  readonly settings: HostSettings;
  readonly nextDueAt: number | null;
  /** Deliveries held by any worker; counted only where a concurrency is configured. */
  readonly inFlight: number;
  /** How long nothing was found, for the next look (`nextLook`); `null`: something was. */
  readonly idle: Idle | null;
  readonly warning: string | null;
}

export interface Idle {
  readonly since: number;
  /** Wait before the look at hand. */
  readonly wait: number;
}

interface HostRow {
  readonly id: number;
  readonly workspace: number;
  readonly origin: string;
  readonly paused: boolean;
  readonly circuit_state: CircuitState | null;
  readonly rate_state: RateState | null;
  readonly pacing_state: (PacingState & { idle?: Idle }) | null;
  readonly settings: HostSettings;
  readonly next_due_at: number | null;
  readonly in_flight: number;
  readonly warning: string | null;
}

const COLUMNS = `id, workspace, origin, paused, circuit_state, rate_state, pacing_state, settings, warning,
  date_part('epoch', next_due_at) * 1000 as next_due_at,
  case when settings ? 'concurrency'
    then (select count(*)::integer from delivery d where d.host_id = host.id and d.status = 'sending') else 0 end as in_flight`;

// Index host_due. Another worker's hosts are locked and passed by. $2: hosts this worker has no room for.
const READY = statement(
  'hosts.ready',
  `select ${COLUMNS} from host
   where next_due_at <= $1::timestamptz and not paused and id <> all ($2::integer[])
   order by next_due_at limit $3 for update skip locked`,
);
const BY_ID = statement(
  'hosts.by_id',
  `select ${COLUMNS} from host where id = any ($1::integer[]) and not paused order by id for update skip locked`,
);
const LOCK = statement(
  'hosts.lock',
  `select ${COLUMNS} from host where id = any ($1::integer[]) order by id for update`,
);

export async function readyHosts(
  tx: Transaction,
  now: number,
  without: readonly number[],
  limit: number,
): Promise<Host[]> {
  return (await tx.query<HostRow>(READY, [new Date(now), plainArray(without), limit])).map(toHost);
}

export async function hostsById(tx: Transaction, ids: readonly number[]): Promise<Host[]> {
  return (await tx.query<HostRow>(BY_ID, [plainArray(ids)])).map(toHost);
}

export async function lockHosts(tx: Transaction, ids: readonly number[]): Promise<Host[]> {
  return (await tx.query<HostRow>(LOCK, [plainArray([...ids].sort((a, b) => a - b))])).map(toHost);
}

const NEXT_READY = statement(
  'hosts.next_ready',
  `select date_part('epoch', next_due_at) * 1000 as at from host
   where next_due_at is not null and not paused and id <> all ($1::integer[]) order by next_due_at limit 1`,
);

/** When the next host is due. */
export async function nextReady(sql: Sql, without: readonly number[]): Promise<number | null> {
  const [row] = await sql.query<{ at: number }>(NEXT_READY, [plainArray(without)]);
  return row?.at ?? null;
}

export interface HostChange {
  readonly id: number;
  readonly state: HostState;
  readonly nextDueAt: number | null;
  readonly deferredUntil: number | null;
  readonly idle: Idle | null;
  readonly warning: string | null;
}

const SAVE = statement(
  'hosts.save',
  `update host h set circuit = u.circuit, circuit_state = u.circuit_state::jsonb, rate_state = u.rate_state::jsonb,
     pacing_state = u.pacing_state::jsonb, next_due_at = u.next_due_at, deferred_until = u.deferred_until,
     warning = u.warning, updated_at = $9::timestamptz
   from unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::text[])
     as u (id, circuit, circuit_state, rate_state, pacing_state, next_due_at, deferred_until, warning)
   where h.id = u.id`,
);

/** The rows must be locked by the caller. */
export async function saveHosts(tx: Transaction, changes: readonly HostChange[], now: number): Promise<void> {
  if (changes.length === 0) return;
  await tx.query(SAVE, [
    plainArray(changes.map((c) => c.id)),
    plainArray(changes.map((c) => c.state.circuit.state)),
    textArray(changes.map((c) => JSON.stringify(c.state.circuit))),
    textArray(changes.map((c) => JSON.stringify(c.state.rate))),
    textArray(changes.map((c) => JSON.stringify(c.idle ? { ...c.state.pacing, idle: c.idle } : c.state.pacing))),
    timeArray(changes.map((c) => c.nextDueAt)),
    timeArray(changes.map((c) => c.deferredUntil)),
    textArray(changes.map((c) => c.warning)),
    new Date(now),
  ]);
}

const WAKE = statement(
  'hosts.wake',
  `update host set next_due_at = $2::timestamptz
   where id in (select id from host where id = any ($1::integer[])
     and (next_due_at is null or next_due_at > $2::timestamptz)
     and (deferred_until is null or deferred_until <= $2::timestamptz) order by id for update)`,
);

/** Something of these hosts is due at `at`. A deferred host stays deferred. */
export async function wakeHosts(tx: Transaction, ids: readonly number[], at: number): Promise<void> {
  if (ids.length > 0) await tx.query(WAKE, [plainArray([...new Set(ids)]), new Date(at)]);
}

const ENSURE = statement(
  'hosts.ensure',
  `insert into host (workspace, origin, created_at, updated_at) values ($1, $2, $3, $3)
   on conflict (workspace, origin) do update set updated_at = host.updated_at returning id`,
);

/** The id of a host, made if it is new. */
export async function ensureHost(sql: Sql, workspace: number, origin: string, now: number): Promise<number> {
  const [row] = await sql.query<{ id: number }>(ENSURE, [workspace, origin, new Date(now)]);
  return row!.id;
}

const FORGET = statement(
  'hosts.forget',
  `update host h set next_due_at = case when busy.id is null then null else $1::timestamptz end
   from (select id, exists (select from delivery d where d.host_id = host.id and d.status in ('due', 'retry')) as queued
         from host
         where next_due_at > $1::timestamptz + interval '1 minute' and next_due_at < $2::timestamptz
           and pacing_state -> 'idle' is not null and deferred_until is null
         order by id for update skip locked limit 1000) as quiet
   left join lateral (select quiet.id where quiet.queued) as busy on true
   where h.id = quiet.id returning (h.next_due_at is not null) as woken`,
);

/**
 * Takes hosts that were left quiet (`QUIET_MS`) off the timer. They have not looked due for a minute, longer than any
 * transaction lives, so nobody can have relied on their being due; a delivery that did is found here.
 */
export async function forgetQuietHosts(sql: Sql, now: number, before: number): Promise<number> {
  const rows = await sql.query<{ woken: boolean }>(FORGET, [new Date(now), new Date(before)]);
  return rows.filter(({ woken }) => woken).length;
}

function toHost(row: HostRow): Host {
  const stored: PacingState & { readonly idle?: Idle } = row.pacing_state ?? INITIAL_PACING;
  const { idle, ...pacing } = stored;
  return {
    id: row.id,
    workspace: row.workspace,
    origin: row.origin,
    paused: row.paused,
    state: { circuit: row.circuit_state ?? INITIAL_CIRCUIT, rate: row.rate_state ?? INITIAL_RATE, pacing },
    settings: row.settings,
    nextDueAt: row.next_due_at,
    inFlight: row.in_flight,
    idle: idle ?? null,
    warning: row.warning,
  };
}

const SET_SETTINGS = statement(
  'hosts.set_settings',
  `update host set settings = $2, next_due_at = case when next_due_at is null then null else least(next_due_at, $3::timestamptz) end,
     updated_at = $3 where id = $1`,
);

export async function setSettings(tx: Transaction, id: number, settings: HostSettings, now: number): Promise<void> {
  await tx.query(SET_SETTINGS, [id, JSON.stringify(settings), new Date(now)]);
}

// A paused host keeps its next_due_at, so that resuming needs no look at its deliveries.
const SET_PAUSED = statement(
  'hosts.set_paused',
  `update host set paused = $2, next_due_at = case when $2 then next_due_at else coalesce(least(next_due_at, $3::timestamptz), $3) end,
     updated_at = $3 where id = $1`,
);

export async function setPaused(tx: Transaction, id: number, paused: boolean, now: number): Promise<void> {
  await tx.query(SET_PAUSED, [id, paused, new Date(now)]);
}

const RESET = statement(
  'hosts.reset',
  `update host set circuit = 'closed', circuit_state = null, rate_state = null, pacing_state = null, deferred_until = null,
     warning = null, next_due_at = $2, updated_at = $2 where id = $1`,
);

export async function resetHost(tx: Transaction, id: number, now: number): Promise<void> {
  await tx.query(RESET, [id, new Date(now)]);
}

const NOTIFY = statement('delivery.notify', `select pg_notify('itinera_delivery', '')`);

/** Tells idle workers, once the transaction is through. */
export async function notifyWorkers(tx: Transaction): Promise<void> {
  await tx.query(NOTIFY);
}
