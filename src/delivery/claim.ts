/**
 * One claim: ready hosts → permits → deliveries → requests, leased and with their bytes stored, in one transaction over
 * many hosts. The hosts' locks are held throughout, which is what makes their limits hold over all workers.
 */
import { randomUUID } from 'node:crypto';
import type { JourneyCatalog } from '../journeys/catalog.js';
import type { Transaction } from '../persistence/database.js';
import {
  endUnsent,
  lockDue,
  markSending,
  moveToHosts,
  nextDue,
  type DueDelivery,
  type RenderedRequest,
  type Sending,
} from './claim.sql.js';
import {
  ensureHost,
  hostsById,
  readyHosts,
  saveHosts,
  wakeHosts,
  type Host,
  type HostChange,
  type Idle,
} from './hosts.sql.js';
import { deferredUntil, permits, spend, type Permits } from './pacing.js';
import type { Plan } from './plan.js';
import { prepare, type LoadSubjects, type Prepared } from './prepare.js';
import { endSignal, insertSignals } from './signals.sql.js';

/** A leased delivery, ready to be sent. Times are epoch milliseconds. */
export interface Send {
  readonly delivery: DueDelivery;
  readonly plan: Plan;
  readonly request: RenderedRequest;
  readonly token: string;
  leaseUntil: number;
}

export interface Claimed {
  readonly sends: readonly Send[];
  /** Deliveries that ended without a request. */
  readonly ended: number;
  /** Hosts that were looked at. */
  readonly hosts: number;
  /** Hosts left quiet: a delivery committed just now may have counted on the look that is over (`nextLook`). */
  readonly idle: readonly number[];
}

export interface ClaimOptions {
  readonly now: number;
  /** How many deliveries of a host this worker can take. */
  readonly room: (hostId: number) => number;
  /** Hosts it cannot take any of. */
  readonly full: readonly number[];
  /** Hosts to look at although their time has not come. */
  readonly hinted: readonly number[];
  readonly hosts: number;
  readonly deliveries: number;
}

/** Added to a request's time-out: rendering, waiting for a connection, recording, and clocks that differ. */
export const LEASE_MARGIN = 30_000;

const NOTHING: Claimed = { sends: [], ended: 0, hosts: 0, idle: [] };

export async function claim(
  tx: Transaction,
  journeys: JourneyCatalog,
  loadSubjects: LoadSubjects,
  options: ClaimOptions,
): Promise<Claimed> {
  const { now } = options;
  const ready = await readyHosts(tx, now, options.full, options.hosts);
  const known = new Set([...ready.map(({ id }) => id), ...options.full]);
  const hinted = options.hinted.filter((id) => !known.has(id));
  const hosts = hinted.length > 0 ? [...ready, ...(await hostsById(tx, hinted))] : ready;
  if (hosts.length === 0) return NOTHING;

  const granted = grant(hosts, options);
  const { fresh, retries } = await lockDeliveries(tx, granted, now);
  const deliveries = [...fresh, ...retries];
  const origins = new Map(hosts.map(({ id, origin }) => [id, origin]));
  const prepared = await prepare(tx, journeys, loadSubjects, deliveries, origins, now);

  const token = randomUUID();
  const sends = await lease(tx, prepared, token, now);
  const ended = prepared.filter((one) => one.kind === 'end');
  await endUnsent(
    tx,
    ended.map(({ delivery, status, reason }) => ({ lane: delivery.lane, id: delivery.id, status, reason })),
    now,
  );
  await insertSignals(tx, ended.map(endSignal), now);
  await move(tx, prepared, now);
  const idle = await putBack(tx, granted, count(fresh, retries), sends, now);
  return { sends, ended: ended.length, hosts: hosts.length, idle };
}

type Granted = Map<number, { readonly host: Host; readonly permits: Permits }>;

function grant(hosts: readonly Host[], options: ClaimOptions): Granted {
  let left = options.deliveries;
  const granted: Granted = new Map();
  for (const host of hosts) {
    const room = Math.min(options.room(host.id), left);
    const given = permits(host.state, host.settings, { room, inFlight: host.inFlight, now: options.now });
    granted.set(host.id, { host, permits: given });
    left -= given.permits;
  }
  return granted;
}

/** Retries up to their share, then fresh deliveries, then retries with what those left. */
async function lockDeliveries(
  tx: Transaction,
  granted: Granted,
  now: number,
): Promise<{ fresh: DueDelivery[]; retries: DueDelivery[] }> {
  const want = (n: (permits: Permits, id: number) => number): Map<number, number> =>
    new Map([...granted].map(([id, { permits: given }]) => [id, n(given, id)]));
  const retries = await lockDue(
    tx,
    'retry',
    want((given) => given.retries),
    now,
  );
  const reserved = tally(retries);
  const fresh = await lockDue(
    tx,
    'due',
    want((given, id) => given.permits - (reserved.get(id) ?? 0)),
    now,
  );
  const taken = tally([...retries, ...fresh]);
  const rest = want((given, id) => given.permits - (taken.get(id) ?? 0));
  const more = await lockDue(
    tx,
    'retry',
    rest,
    now,
    retries.map(({ id }) => id),
  );
  return { fresh, retries: [...retries, ...more] };
}

async function lease(tx: Transaction, prepared: readonly Prepared[], token: string, now: number): Promise<Send[]> {
  const sends: Send[] = [];
  const rows: Sending[] = [];
  for (const one of prepared) {
    if (one.kind !== 'send') continue;
    const { delivery, plan, rendered } = one;
    const leaseUntil = now + plan.timeout + LEASE_MARGIN;
    sends.push({ delivery, plan, request: rendered ?? stored(delivery), token, leaseUntil });
    rows.push({ lane: delivery.lane, id: delivery.id, leaseUntil, rendered });
  }
  await markSending(tx, token, rows);
  return sends;
}

/** What an earlier attempt was rendered to. */
function stored({ method, url, headers, body }: DueDelivery): RenderedRequest {
  return { method: method!, url: url!, headers: headers ?? {}, body };
}

async function move(tx: Transaction, prepared: readonly Prepared[], now: number): Promise<void> {
  const moved = prepared.filter((one) => one.kind === 'move');
  if (moved.length === 0) return;
  const hosts = new Map<string, number>();
  const key = (workspace: number, origin: string): string => `${workspace} ${origin}`;
  for (const { delivery, origin } of [...moved].sort((a, b) => (a.origin < b.origin ? -1 : 1))) {
    const name = key(delivery.workspace, origin);
    if (!hosts.has(name)) hosts.set(name, await ensureHost(tx, delivery.workspace, origin, now));
  }
  await moveToHosts(
    tx,
    moved.map(({ delivery, origin, rendered }) => ({
      lane: delivery.lane,
      id: delivery.id,
      hostId: hosts.get(key(delivery.workspace, origin))!,
      rendered,
    })),
  );
  await wakeHosts(tx, [...hosts.values()], now);
}

interface Used {
  readonly fresh: number;
  readonly retries: number;
}

/** Writes the hosts back: what was spent, and when to look again. Returns those that were left quiet. */
async function putBack(
  tx: Transaction,
  granted: Granted,
  used: ReadonlyMap<number, Used>,
  sends: readonly Send[],
  now: number,
): Promise<number[]> {
  const sent = tally(sends.map(({ delivery }) => delivery));
  const usedBy = (id: number): Used => used.get(id) ?? { fresh: 0, retries: 0 };
  const drained = [...granted.values()].filter(({ host, permits: given }) => {
    const { fresh, retries } = usedBy(host.id);
    return given.notBefore === null && fresh + retries < given.permits;
  });
  const next = await nextDue(
    tx,
    drained.map(({ host }) => host.id),
  );
  const idle: number[] = [];
  const changes: HostChange[] = [];
  for (const { host, permits: given } of granted.values()) {
    const { fresh, retries } = usedBy(host.id);
    // What ended without a request has spent nothing of the host's.
    const share = Math.min(sent.get(host.id) ?? 0, fresh);
    const state = spend(host.state, given, { fresh: share, retries: (sent.get(host.id) ?? 0) - share, now });
    const deferral = given.notBefore ?? deferredUntil(state, host.settings, now);
    let look: Idle | null = null;
    let nextDueAt: number;
    if (deferral !== null) nextDueAt = deferral;
    else if (!next.has(host.id)) nextDueAt = Math.max(now, Number.isFinite(given.rate) ? state.pacing.nextAt : now);
    else {
      const at = next.get(host.id) ?? null;
      // Due but not ours to take just now: another transaction holds it.
      if (at !== null) nextDueAt = Math.max(at, now + SKIPPED_RECHECK);
      else {
        look = nextLook(fresh + retries > 0 ? null : host.idle, now);
        nextDueAt = now + look.wait;
        idle.push(host.id);
      }
    }
    changes.push({ id: host.id, state, nextDueAt, deferredUntil: deferral, idle: look, warning: host.warning });
  }
  await saveHosts(tx, changes, now);
  return idle;
}

const SKIPPED_RECHECK = 50;
const FIRST_LOOK = 1000;
const LOOK_FOR = 60_000;
/** A host that stays empty is left quiet this long, unless something wakes it; `forgetQuietHosts` then takes it off. */
export const QUIET = 3_600_000;

/**
 * When to look again at a host that nothing was found for. Whoever adds a delivery writes the host only when it does not
 * look due, so a delivery that is committed after this look may have counted on it: the next looks find it, at growing
 * intervals for a minute. After that, whoever adds one sees a host that is not due, and writes it.
 */
export function nextLook(idle: Idle | null, now: number): Idle {
  if (!idle) return { since: now, wait: FIRST_LOOK };
  if (now - idle.since >= LOOK_FOR) return { since: idle.since, wait: QUIET };
  return { since: idle.since, wait: Math.min(idle.wait * 2, LOOK_FOR / 2) };
}

function tally(deliveries: readonly DueDelivery[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { host_id } of deliveries) counts.set(host_id, (counts.get(host_id) ?? 0) + 1);
  return counts;
}

function count(fresh: readonly DueDelivery[], retries: readonly DueDelivery[]): Map<number, Used> {
  const [first, second] = [tally(fresh), tally(retries)];
  return new Map(
    [...new Set([...first.keys(), ...second.keys()])].map((id) => [
      id,
      { fresh: first.get(id) ?? 0, retries: second.get(id) ?? 0 },
    ]),
  );
}
