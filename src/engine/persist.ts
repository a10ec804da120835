/** Turns what a batch decided into rows: one statement per table. */
import type { Effect } from '../journey/decision.js';
import type { Transaction } from '../persistence/database.js';
import { appendCounters, CounterSum } from '../reporting/counters.store.js';
import { deleteSignals } from './claim.sql.js';
import type { Claimed, Failed, Moved } from './decide.js';
import type { NewDelivery, Outbox } from './outbox.store.js';
import {
  cancelDeliveries,
  deleteWaits,
  insertVisits,
  insertWaits,
  updateEntries,
  type EntryUpdate,
  type NewWait,
} from './persist.sql.js';
import { deleteTimers, insertTimers, type TimerKey } from './timers.store.js';

export async function persist(tx: Transaction, outbox: Outbox, outcomes: readonly (Moved | Failed)[], now: number): Promise<void> {
  const moved = outcomes.filter((outcome) => outcome.kind === 'moved');
  const { gone, set } = timersOf(outcomes);
  await deleteTimers(tx, gone);
  await insertTimers(tx, set);
  await updateEntries(tx, outcomes.map((outcome) => (outcome.kind === 'moved' ? toUpdate(outcome, now) : toErrored(outcome))));
  const deliveries = moved.flatMap(toDeliveries);
  const ids = await outbox.insert(tx, deliveries, now);
  await insertVisits(tx, toVisits(outcomes, deliveries, ids), now);
  const left = moved.filter(hasLeftWait);
  await deleteWaits(
    tx,
    left.map(({ claimed, status }) => ({
      lane: claimed.row.lane,
      profileId: claimed.row.profile_id,
      entryId: claimed.row.id,
      ended: status === 'completed' || status === 'exited',
    })),
  );
  await insertWaits(tx, moved.flatMap((outcome) => toWaits(outcome, now)));
  await deleteSignals(tx, outcomes.flatMap(({ claimed }) => claimed.signals));
  const exited = moved.filter((outcome) => outcome.status === 'exited' && outcome.claimed.row.step !== null);
  await cancelDeliveries(tx, exited.map(({ claimed }) => ({ lane: claimed.row.lane, id: claimed.row.id })), now);
  await appendCounters(tx, count(outcomes), now);
}

/**
 * Timers to set and to take away. A timer that woke its entry is gone already; one whose entry a signal has moved on
 * would only come up stale, but may be weeks ahead.
 */
function timersOf(outcomes: readonly (Moved | Failed)[]): { gone: TimerKey[]; set: TimerKey[] } {
  const gone: TimerKey[] = [];
  const set: TimerKey[] = [];
  for (const outcome of outcomes) {
    const { row, timed } = outcome.claimed;
    const { lane, id } = row;
    const before = row.wake_at === null || timed ? null : Math.round(row.wake_at);
    const after = outcome.kind === 'moved' && outcome.status === 'active' ? outcome.state.dueAt : null;
    if (before === after) continue;
    if (before !== null) gone.push({ lane, id, at: before });
    if (after !== null) set.push({ lane, id, at: after });
  }
  return { gone, set };
}

function toUpdate({ claimed: { row }, status, reason, state }: Moved, now: number): EntryUpdate {
  const ended = status === 'completed' || status === 'exited';
  return {
    lane: row.lane,
    id: row.id,
    status,
    reason,
    step: state.step,
    visit: state.visit,
    arrivedAt: state.arrivedAt,
    wakeAt: status === 'active' ? state.dueAt : null,
    memory: state.memory === null || ended ? null : JSON.stringify(state.memory),
    exitReason: state.exitReason,
    context: state.context === row.context ? null : JSON.stringify(state.context),
    endedAt: ended ? now : null,
    error: null,
  };
}

/** Where it was, with what it was about to take, so that a retry takes the same again. */
function toErrored({ claimed: { row, signals }, code, message }: Failed): EntryUpdate {
  return {
    lane: row.lane,
    id: row.id,
    status: 'errored',
    reason: code,
    step: row.step,
    visit: row.visit,
    arrivedAt: row.arrived_at,
    wakeAt: null,
    memory: row.memory === null ? null : JSON.stringify(row.memory),
    exitReason: row.exit_reason,
    context: null,
    endedAt: null,
    error: JSON.stringify({
      code,
      message: message.replaceAll('\u0000', ''),
      signals: signals.map((signal) => signal.body),
      wake_at: row.wake_at,
    }),
  };
}

function toDeliveries({ claimed: { row }, effects }: Moved): NewDelivery[] {
  return effects
    .filter((effect): effect is Extract<Effect, { kind: 'delivery' }> => effect.kind === 'delivery')
    .map((effect) => ({
      lane: row.lane,
      workspace: row.workspace,
      journeyId: row.journey_id,
      version: row.version,
      step: effect.step,
      visit: effect.visit,
      entryId: row.id,
      profileId: row.profile_id,
      origin: effect.origin,
      problem: effect.problem,
    }));
}

/** The timeline names each delivery at the step that asked for it. */
function toVisits(
  outcomes: readonly (Moved | Failed)[],
  deliveries: readonly NewDelivery[],
  ids: readonly string[],
): { lane: number; entryId: string; trail: string }[] {
  const asked = new Map<string, { step: string; type: string; what: string; delivery_id: string }[]>();
  deliveries.forEach((delivery, i) => {
    const of = asked.get(delivery.entryId) ?? [];
    of.push({ step: delivery.step, type: 'webhook', what: 'delivery', delivery_id: ids[i]! });
    asked.set(delivery.entryId, of);
  });
  return outcomes.flatMap((outcome) => {
    const { row, compiled } = outcome.claimed;
    const items: readonly object[] =
      outcome.kind === 'moved'
        ? outcome.trail
        : [{ step: row.step, type: row.step === null ? null : compiled.steps.get(row.step)?.type, what: 'errored', why: `${outcome.code}: ${outcome.message}` }];
    const all = [...items, ...(asked.get(row.id) ?? [])];
    return all.length === 0 ? [] : [{ lane: row.lane, entryId: row.id, trail: JSON.stringify(all).replaceAll('\\u0000', '') }];
  });
}

function isListening({ compiled }: Claimed, step: string | null): boolean {
  return step !== null && compiled.topics(step).length > 0;
}

function hasLeftWait({ claimed, status, state }: Moved): boolean {
  const ended = status === 'completed' || status === 'exited';
  if (ended && claimed.compiled.exitTopics.length > 0) return true;
  return isListening(claimed, claimed.row.step) && (ended || state.visit !== claimed.row.visit);
}

function toWaits({ claimed, status, state }: Moved, now: number): NewWait[] {
  const { row, compiled } = claimed;
  if (status !== 'active' || state.step === null || state.visit === row.visit) return [];
  const { step, visit } = state;
  return [...new Set(compiled.topics(step).map(({ topic }) => topic))].map((topic) => ({
    lane: row.lane,
    profileId: row.profile_id,
    entryId: row.id,
    topic,
    journeyId: row.journey_id,
    version: row.version,
    step,
    visit,
    since: now,
  }));
}

function count(outcomes: readonly (Moved | Failed)[]): CounterSum['deltas'] {
  const counters = new CounterSum();
  for (const outcome of outcomes) {
    const { journey_id: journey, version, step } = outcome.claimed.row;
    if (outcome.kind === 'failed') {
      counters.add(journey, version, '', 'errored', outcome.code);
      if (step !== null) counters.add(journey, version, step, 'errored', outcome.code);
      continue;
    }
    for (const item of outcome.trail) {
      if (item.what === 'entered' || item.what === 'parked') counters.add(journey, version, item.step, item.what, '');
      else if (item.what === 'went') counters.add(journey, version, item.step, 'went', item.path ?? '');
      else if (item.what === 'exited') counters.add(journey, version, item.step, 'exited', outcome.reason ?? '');
    }
    if (outcome.status === 'completed') counters.add(journey, version, '', 'completed', '');
    else if (outcome.status === 'exited') counters.add(journey, version, '', 'exited', outcome.reason ?? '');
  }
  return counters.deltas;
}
