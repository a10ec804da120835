/**
 * Turns what a batch decided into rows: one statement per table. This runs for every step of every entry, so it goes
 * through the batch in plain loops and makes no object that a column does not need.
 */
import { appendCounters, CounterSum } from '../reporting/counters.store.js';
import type { Transaction } from '../persistence/database.js';
import { deleteSignals } from './claim.sql.js';
import type { Failed, Moved } from './decide.js';
import type { SignalRow } from './entry-row.js';
import type { NewDelivery, Outbox } from './outbox.store.js';
import {
  cancelDeliveries,
  deleteWaits,
  insertVisits,
  insertWaits,
  stepOn,
  updateEntries,
  type NewWait,
} from './persist.sql.js';
import { deleteTimers, insertTimers, type TimerKey } from './timers.store.js';
import { toErrored, toUpdate } from './updates.js';

export async function persist(
  tx: Transaction,
  outbox: Outbox,
  outcomes: readonly (Moved | Failed)[],
  now: number,
): Promise<void> {
  const moved = outcomes.filter((outcome) => outcome.kind === 'moved');
  const { gone, set } = timersOf(outcomes);
  await deleteTimers(tx, gone);
  await insertTimers(tx, set);
  await stepOn(tx, moved.filter(isPlain));
  await updateEntries(tx, [
    ...moved.filter((outcome) => !isPlain(outcome)).map((outcome) => toUpdate(outcome, now)),
    ...failedOf(outcomes).map(({ claimed, code, message }) => toErrored(claimed, code, message)),
  ]);
  const deliveries = deliveriesOf(moved);
  const ids = await outbox.insert(tx, deliveries, now);
  await insertVisits(tx, visitsOf(outcomes, deliveries, ids), now);
  await deleteWaits(
    tx,
    moved.filter(hasLeftWait).map(({ claimed: { row }, status }) => ({
      lane: row.lane,
      profileId: row.profile_id,
      entryId: row.id,
      ended: hasEnded(status),
    })),
  );
  await insertWaits(tx, waitsOf(moved, now));
  await deleteSignals(tx, signalsOf(outcomes));
  const exited = moved.filter((outcome) => outcome.status === 'exited' && mayHaveDeliveries(outcome));
  await cancelDeliveries(
    tx,
    exited.map(({ claimed }) => claimed.row),
    now,
  );
  await appendCounters(tx, count(outcomes), now);
}

function failedOf(outcomes: readonly (Moved | Failed)[]): Failed[] {
  return outcomes.filter((outcome) => outcome.kind === 'failed');
}

function hasEnded(status: Moved['status']): boolean {
  return status === 'completed' || status === 'exited';
}

/** The common case by far: on to the next step, waiting, with nothing else to say. */
function isPlain({ claimed: { row }, status, state }: Moved): boolean {
  return (
    status === 'active' &&
    row.status === 'active' &&
    state.memory === null &&
    state.exitReason === null &&
    state.context === row.context
  );
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
    const before = row.wake_at === null || timed ? null : Math.round(row.wake_at);
    const after = outcome.kind === 'moved' && outcome.status === 'active' ? outcome.state.dueAt : null;
    if (before === after) continue;
    if (before !== null) gone.push({ lane: row.lane, id: row.id, at: before });
    if (after !== null) set.push({ lane: row.lane, id: row.id, at: after });
  }
  return { gone, set };
}

function deliveriesOf(moved: readonly Moved[]): NewDelivery[] {
  const deliveries: NewDelivery[] = [];
  for (const {
    claimed: { row },
    effects,
  } of moved) {
    for (const effect of effects) {
      if (effect.kind !== 'delivery') continue;
      deliveries.push({
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
      });
    }
  }
  return deliveries;
}

/** The timeline names each delivery at the step that asked for it. */
function visitsOf(
  outcomes: readonly (Moved | Failed)[],
  deliveries: readonly NewDelivery[],
  ids: readonly string[],
): { lane: number; entryId: string; trail: string }[] {
  const asked = new Map<string, object[]>();
  deliveries.forEach((delivery, i) => {
    const of = asked.get(delivery.entryId) ?? [];
    of.push({ step: delivery.step, type: 'webhook', what: 'delivery', delivery_id: ids[i]! });
    asked.set(delivery.entryId, of);
  });
  const visits: { lane: number; entryId: string; trail: string }[] = [];
  for (const outcome of outcomes) {
    const { lane, id } = outcome.claimed.row;
    const items: readonly object[] = outcome.kind === 'moved' ? outcome.trail : [errorItem(outcome)];
    const more = asked.get(id);
    if (items.length === 0 && !more) continue;
    const trail = JSON.stringify(more ? [...items, ...more] : items);
    // A text of PostgreSQL cannot hold the character, and a reader could not show it.
    visits.push({ lane, entryId: id, trail: trail.includes('\\u0000') ? trail.replaceAll('\\u0000', '') : trail });
  }
  return visits;
}

function errorItem({ claimed: { row, compiled }, code, message }: Failed): object {
  const type = row.step === null ? null : compiled.steps.get(row.step)?.type;
  return { step: row.step, type, what: 'errored', why: `${code}: ${message}` };
}

function hasLeftWait({ claimed: { row, compiled }, status, state }: Moved): boolean {
  const ended = hasEnded(status);
  if (ended && compiled.exitTopics.length > 0) return true;
  return row.step !== null && compiled.topics(row.step).length > 0 && (ended || state.visit !== row.visit);
}

function waitsOf(moved: readonly Moved[], now: number): NewWait[] {
  const waits: NewWait[] = [];
  for (const {
    claimed: { row, compiled },
    status,
    state,
  } of moved) {
    const { step, visit } = state;
    if (status !== 'active' || step === null || visit === row.visit) continue;
    const topics = compiled.topics(step);
    if (topics.length === 0) continue;
    for (const topic of new Set(topics.map((of) => of.topic))) {
      waits.push({
        lane: row.lane,
        profileId: row.profile_id,
        entryId: row.id,
        topic,
        journeyId: row.journey_id,
        version: row.version,
        step,
        visit,
        since: now,
      });
    }
  }
  return waits;
}

function signalsOf(outcomes: readonly (Moved | Failed)[]): SignalRow[] {
  const signals: SignalRow[] = [];
  for (const { claimed } of outcomes) if (claimed.signals.length > 0) signals.push(...claimed.signals);
  return signals;
}

/** A journey without webhook steps never asked for a delivery. */
function mayHaveDeliveries({ claimed: { row, compiled } }: Moved): boolean {
  return row.step !== null && compiled.sendsWebhooks;
}

function count(outcomes: readonly (Moved | Failed)[]): CounterSum['deltas'] {
  const counters = new CounterSum();
  for (const outcome of outcomes) {
    const { journey_id: journey, version, step } = outcome.claimed.row;
    const add = counters.of(journey, version);
    if (outcome.kind === 'failed') {
      add('', 'errored', outcome.code);
      if (step !== null) add(step, 'errored', outcome.code);
      continue;
    }
    for (const item of outcome.trail) {
      if (item.what === 'entered' || item.what === 'parked') add(item.step, item.what, '');
      else if (item.what === 'went') add(item.step, 'went', item.path ?? '');
      else if (item.what === 'exited') add(item.step, 'exited', outcome.reason ?? '');
    }
    if (outcome.status === 'completed') add('', 'completed', '');
    else if (outcome.status === 'exited') add('', 'exited', outcome.reason ?? '');
  }
  return counters.deltas;
}
