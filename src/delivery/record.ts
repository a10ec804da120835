/**
 * Recording: what came back from a batch of requests becomes attempts, states, words to waiting entries and what the hosts
 * have shown of themselves, in one transaction.
 */
import type { Signal } from '../journey/decision.js';
import type { Json, JsonObject } from '../kernel/json.js';
import { resolvePointer } from '../kernel/pointer.js';
import type { Transaction } from '../persistence/database.js';
import { appendCounters, CounterSum } from '../reporting/counters.store.js';
import { jsonText, plainText } from '../profiles/json-text.js';
import { circuitLoad, isHostFailure, settle, type CircuitResult } from './circuit.js';
import type { Send } from './claim.js';
import { circuitRules, type HostSettings } from './host-settings.js';
import { lockHosts, saveHosts, type Host, type HostChange } from './hosts.sql.js';
import { outcomeOf, type Outcome } from './outcome.js';
import { PerStep } from './per-step.js';
import { deferredUntil, type HostState } from './pacing.js';
import { observe } from './rate-window.js';
import { readRateHeaders, type RateReading } from './rate-headers.js';
import { recordAttempts, recordLate, type AttemptRow } from './record.sql.js';
import { nextAttempt } from './retry.js';
import { describe, RESPONSE_LOGGED, type SendResult } from './sender.js';
import { notifyEngine } from './signals.sql.js';

/** A request that is over. Times are epoch milliseconds. */
export interface Done {
  readonly send: Send;
  readonly result: SendResult;
  readonly startedAt: number;
  readonly durationMs: number;
  /** A random number in [0, 1) for the back-off's jitter, drawn once so that recording again decides the same. */
  readonly unit: number;
}

export interface Transition {
  readonly hostId: number;
  readonly origin: string;
  readonly from: string;
  readonly to: string;
  /** Of an open circuit. */
  readonly until: number | null;
}

export interface Recorded {
  readonly outcomes: readonly { readonly kind: 'delivered' | 'retry' | 'failed'; readonly durationMs: number }[];
  readonly late: number;
  readonly transitions: readonly Transition[];
  /** Rate headers that made no sense. */
  readonly nonsense: readonly { readonly origin: string; readonly headers: readonly string[] }[];
  /** The hosts as they are now. */
  readonly hosts: ReadonlyMap<number, { readonly state: HostState; readonly host: Host }>;
}

interface Judged {
  readonly done: Done;
  readonly outcome: Outcome;
  readonly reading: RateReading;
  readonly row: AttemptRow;
}

const NO_READING: RateReading = { retryAfter: null, windows: [], nonsense: [] };

/** A success that taught nothing but that the host answers: it may be told to the host later, in bulk. */
export interface PlainSuccess {
  readonly hostId: number;
  readonly startedAt: number;
}

/** Records a batch. `learn: null`: the hosts stay as they are; else `learn` holds successes that they have not been told of. */
export async function record(
  tx: Transaction,
  batch: readonly Done[],
  now: number,
  learn: readonly PlainSuccess[] | null = [],
): Promise<Recorded> {
  const judged = batch.map((done) => judge(done, now)).sort(byId);
  const rows = judged.map(({ row }) => row);
  const lost = await recordAttempts(tx, rows, now);
  const late = lost.size === 0 ? [] : rows.filter(({ id }) => lost.has(id));
  await recordLate(tx, late);
  if (rows.some(({ id, signal }) => signal !== null && !lost.has(id))) await notifyEngine(tx);

  await appendCounters(tx, count(judged, lost), now);

  const outcomes = judged.map(({ outcome, done }) => ({ kind: outcome.kind, durationMs: done.durationMs }));
  if (!learn) return { outcomes, late: late.length, transitions: [], nonsense: [], hosts: new Map() };

  const successes = new Map<number, CircuitResult[]>();
  for (const { hostId, startedAt } of learn) {
    const result = { failed: false, startedAt };
    const of = successes.get(hostId);
    if (of) of.push(result);
    else successes.set(hostId, [result]);
  }
  const byHost = new Map<number, Judged[]>();
  for (const one of judged) {
    const id = one.done.send.delivery.host_id;
    const of = byHost.get(id);
    if (of) of.push(one);
    else byHost.set(id, [one]);
  }
  const changes: HostChange[] = [];
  const transitions: Transition[] = [];
  const hosts = new Map<number, { state: HostState; host: Host }>();
  for (const host of await lockHosts(tx, [...new Set([...byHost.keys(), ...successes.keys()])])) {
    const change = taught(host, byHost.get(host.id) ?? [], successes.get(host.id) ?? [], now);
    changes.push(change);
    hosts.set(host.id, { state: change.state, host });
    const [from, to] = [host.state.circuit, change.state.circuit];
    if (from.state !== to.state) {
      transitions.push({
        hostId: host.id,
        origin: host.origin,
        from: from.state,
        to: to.state,
        until: to.state === 'open' ? to.until : null,
      });
    }
  }
  await saveHosts(tx, changes, now);
  const origins = new Map([...hosts].map(([id, { host }]) => [id, host.origin]));
  return {
    outcomes,
    late: late.length,
    transitions,
    nonsense: judged
      .filter(({ reading }) => reading.nonsense.length > 0)
      .map(({ reading, done }) => ({
        origin: origins.get(done.send.delivery.host_id) ?? '',
        headers: reading.nonsense,
      })),
    hosts,
  };
}

/** Per step: requests answered with 2xx, requests that failed, and how many of all were repeats. */
function count(judged: readonly Judged[], lost: ReadonlySet<string>): CounterSum['deltas'] {
  const tallies = new PerStep<Tally>();
  for (const { done, outcome, row } of judged) {
    if (lost.has(row.id)) continue;
    const { delivery } = done.send;
    let tally = tallies.get(delivery);
    if (!tally) tallies.set(delivery, (tally = { sent: 0, error: 0, retry: 0 }));
    if (outcome.kind === 'delivered') tally.sent++;
    else tally.error++;
    if (delivery.attempts > 0) tally.retry++;
  }
  const counters = new CounterSum();
  tallies.forEach(({ journey_id, version, step }, tally) => {
    const add = counters.of(journey_id, version);
    for (const path of PATHS) if (tally[path] > 0) add(step, 'webhook', path, tally[path]);
  });
  return counters.deltas;
}

const PATHS = ['sent', 'error', 'retry'] as const;
type Tally = Record<(typeof PATHS)[number], number>;

function judge(done: Done, now: number): Judged {
  const { send, result } = done;
  const { delivery, plan } = send;
  const { answer } = result;
  const outcome = outcomeOf(answer, plan.retry.statuses);
  const reading = answer.kind === 'response' ? readRateHeaders(answer.headers, now) : NO_READING;
  const firstAttemptAt = delivery.attempts > delivery.retried_after ? delivery.first_attempt_at : null;
  const verdict =
    outcome.kind === 'retry'
      ? nextAttempt(plan.retry, {
          made: delivery.attempts - delivery.retried_after + 1,
          firstAttemptAt: firstAttemptAt ?? done.startedAt,
          now,
          notBefore: notBefore(reading),
          unreachable: outcome.unreachable,
          unit: done.unit,
        })
      : null;
  const dueAt = verdict?.kind === 'again' ? verdict.at : null;
  const status = outcome.kind === 'delivered' ? 'delivered' : dueAt === null ? 'failed' : 'retry';
  const reason = outcome.kind === 'delivered' ? null : outcome.reason;
  const response = answer.kind === 'response' ? answer : null;
  const row: AttemptRow = {
    lane: delivery.lane,
    id: delivery.id,
    entryId: delivery.entry_id,
    token: send.token,
    at: done.startedAt,
    durationMs: Math.round(done.durationMs),
    loggedStatus: outcome.status,
    error: textOrNull(describe(answer)),
    responseHeaders: response ? jsonText(response.headers as Json) : null,
    responseBody: response ? plainText(decode(logged(result.body))) : null,
    status,
    reason,
    dueAt,
    signal: signalFor(done, status, reason, outcome.status),
  };
  return { done, outcome, reading, row };
}

/** An entry hears of the end, once, and, where it waits for the attempt alone, of a first one that was not the end. */
function signalFor(
  done: Done,
  status: AttemptRow['status'],
  reason: string | null,
  httpStatus: number | null,
): string | null {
  const { delivery, plan } = done.send;
  if (status === 'retry' && (plan.advance === 'result' || delivery.attempts > 0)) return null;
  const signal: Extract<Signal, { type: 'delivery' }> = {
    type: 'delivery',
    visit: delivery.visit,
    deliveryId: delivery.id,
    outcome: status === 'retry' ? 'attempted' : status,
    reason,
    status: httpStatus,
    captured: status === 'delivered' && plan.capture ? capture(plan.capture, done.result) : {},
  };
  return jsonText(signal);
}

/** What the response holds at each pointer; a pointer that leads nowhere captures nothing. */
function capture(pointers: Readonly<Record<string, string>>, { body, truncated }: SendResult): JsonObject {
  if (truncated || body.byteLength === 0) return {};
  let document: Json;
  try {
    document = JSON.parse(decode(body)) as Json;
  } catch {
    // Not JSON: nothing to point into.
    return {};
  }
  const captured: Record<string, Json> = {};
  for (const [name, pointer] of Object.entries(pointers)) {
    const value = resolvePointer(document, pointer);
    if (value !== undefined) captured[name] = value;
  }
  return captured;
}

function notBefore({ retryAfter, windows }: RateReading): number | null {
  const resets = windows.filter(({ remaining }) => remaining === 0).map(({ reset }) => reset);
  const all = retryAfter === null ? resets : [retryAfter, ...resets];
  return all.length > 0 ? Math.max(...all) : null;
}

/** The host after these answers. */
function taught(host: Host, judged: readonly Judged[], successes: readonly CircuitResult[], now: number): HostChange {
  const rules = circuitRules(host.settings);
  const results: CircuitResult[] = [...successes];
  let { rate } = host.state;
  let { warning } = host;
  let dueAt = Infinity;
  for (const { done, outcome, reading, row } of judged) {
    const { answer } = done.result;
    const failed = isHostFailure(answer, rules);
    if (failed !== null) results.push({ failed, startedAt: done.startedAt });
    if (answer.kind === 'response') {
      rate = observe(rate, answer.status, reading, circuitLoad(host.state.circuit, now, rules.window), now);
    }
    if (outcome.kind === 'failed' && outcome.gone) warning = `answered 410 Gone at ${new Date(now).toISOString()}`;
    dueAt = Math.min(dueAt, row.dueAt ?? Infinity);
  }
  const circuit = settle(host.state.circuit, results, now, rules);
  const state: HostState = { ...host.state, circuit, rate };
  const deferral = deferredUntil(state, host.settings, now);
  // Something may be free again: room under a configured concurrency, a circuit that has closed, a probe more.
  const isFreed =
    deferral === null && (Boolean(host.settings.concurrency) || deferredUntil(host.state, host.settings, now) !== null);
  const next = Math.min(host.nextDueAt ?? Infinity, dueAt, isFreed ? now : Infinity);
  return {
    id: host.id,
    state,
    nextDueAt: deferral ?? (Number.isFinite(next) ? next : null),
    deferredUntil: deferral,
    idle: Number.isFinite(dueAt) || isFreed ? null : host.idle,
    warning,
  };
}

/** 2xx and not a word about speed. */
export function isPlainSuccess({ result: { answer } }: Done): boolean {
  if (answer.kind !== 'response' || answer.status < 200 || answer.status >= 300) return false;
  for (const name in answer.headers) if (name === 'retry-after' || name.includes('rate')) return false;
  return true;
}

/** Nothing is known of the host that an answer could end: successes can be told to it in bulk. */
export function isCalm(state: HostState, settings: HostSettings): boolean {
  const { circuit, rate } = state;
  return (
    circuit.state === 'closed' &&
    circuit.closedAt === null &&
    rate.until === null &&
    rate.window === null &&
    rate.aimd === null &&
    !settings.concurrency
  );
}

const decoder = new TextDecoder();

function decode(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

function logged(body: Uint8Array): Uint8Array {
  return body.byteLength > RESPONSE_LOGGED ? body.subarray(0, RESPONSE_LOGGED) : body;
}

function textOrNull(text: string | null): string | null {
  return text === null ? null : plainText(text.slice(0, 2000));
}

function byId(a: Judged, b: Judged): number {
  return a.row.id < b.row.id ? -1 : a.row.id > b.row.id ? 1 : 0;
}
