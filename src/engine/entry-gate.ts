/**
 * The entry gate: who gets into a journey. Every door (API, events, schedules, user updates) comes through here, inside
 * its own transaction and holding the locks of the profiles concerned, so the rules hold under any concurrency; the
 * primary key of `admission` is the backstop. Each refusal is kept with its reason and counted.
 */
import type { CompiledJourney } from '../journey/compile.js';
import type { JourneyInfo } from '../journeys/catalog.js';
import { newId } from '../kernel/ids.js';
import { jsonBytes, type JsonObject } from '../kernel/json.js';
import type { Transaction } from '../persistence/database.js';
import { appendCounters, CounterSum } from '../reporting/counters.store.js';
import { wakeEngine } from './signals.store.js';
import { limitSlot, refuse, toReentry, type Reentry } from './gate.js';
import {
  admissionId,
  insertEntries,
  insertRefusals,
  lockLimits,
  readLastEntries,
  saveLimits,
  type NewEntry,
} from './gate.store.js';

export const CONTEXT_BYTES = 50 * 1024;

export interface EntryRequest {
  readonly lane: number;
  readonly profileId: string;
  readonly journey: JourneyInfo;
  readonly version: number;
  readonly compiled: CompiledJourney;
  /** Rendered re-entry key; '' when the rule has none. */
  readonly key: string;
  readonly context: JsonObject;
  /** The event's own time, or now; epoch milliseconds. Windows and the first delay count from it. */
  readonly at: number;
  /** Names the run of a schedule, for limits per run. */
  readonly run: string | null;
  /** Refused already, and why: only recorded. */
  readonly refusal: string | null;
}

export type EntryResult =
  { readonly entered: true; readonly entryId: string } | { readonly entered: false; readonly reason: string };

export async function enterAll(
  tx: Transaction,
  requests: readonly EntryRequest[],
  now: number,
): Promise<EntryResult[]> {
  if (requests.length === 0) return [];
  const last = await readLastEntries(tx, requests.map(toKey));
  const limits = await openLimits(tx, requests, now);
  const counters = new CounterSum();
  const entries = new Map<string, NewEntry>();
  const refusals: { journeyId: string; lane: number; profileId: string; reason: string }[] = [];
  const results = requests.map((request): EntryResult => {
    const { journey, profileId, lane, version } = request;
    const id = admissionId(profileId, journey.id, request.key);
    const enteredAt = last.get(id);
    const slot = limits.slotOf(request);
    const reason =
      request.refusal ??
      (jsonBytes(request.context) > CONTEXT_BYTES ? 'context_too_large' : null) ??
      refuse(
        reentryOf(request.compiled),
        request.compiled.maxDuration,
        enteredAt === undefined ? undefined : { enteredAt },
        request.at,
        slot ? slot.max - slot.used : null,
      );
    if (reason !== null) {
      refusals.push({ journeyId: journey.id, lane, profileId, reason });
      counters.of(journey.id, version)('', 'refused', reason);
      return { entered: false, reason };
    }
    const entryId = newId(lane, now);
    last.set(id, request.at);
    if (slot) slot.used++;
    counters.of(journey.id, version)('', 'entered', '');
    entries.set(entryId, {
      ...toKey(request),
      id: entryId,
      workspace: journey.workspace,
      version,
      variant: null,
      enteredAt: request.at,
      context: JSON.stringify(request.context),
      exitTopics: [...new Set(request.compiled.exitTopics.map(({ topic }) => topic))],
    });
    return { entered: true, entryId };
  });
  if (entries.size > 0) {
    await insertEntries(tx, [...entries.values()], now);
    await wakeEngine(tx);
  }
  if (refusals.length > 0) await insertRefusals(tx, refusals, now);
  await limits.save();
  await appendCounters(tx, counters.deltas, now);
  return results;
}

function toKey({
  lane,
  profileId,
  journey,
  key,
}: EntryRequest): Pick<NewEntry, 'lane' | 'profileId' | 'journeyId' | 'key'> {
  return { lane, profileId, journeyId: journey.id, key };
}

const reentries = new WeakMap<CompiledJourney, Reentry>();

export function reentryOf(compiled: CompiledJourney): Reentry {
  let reentry = reentries.get(compiled);
  if (!reentry) {
    reentry = toReentry(compiled.definition.entry.reentry);
    reentries.set(compiled, reentry);
  }
  return reentry;
}

interface Slot {
  readonly journeyId: string;
  readonly slot: string;
  readonly max: number;
  used: number;
}

/** Locks the limit windows that the requests count in; journeys without a limit cost nothing. */
async function openLimits(
  tx: Transaction,
  requests: readonly EntryRequest[],
  now: number,
): Promise<{ slotOf(request: EntryRequest): Slot | undefined; save(): Promise<void> }> {
  const slots = new Map<string, Slot>();
  const idOf = (request: EntryRequest): string | undefined => {
    const limit = request.compiled.definition.entry.limit;
    return limit && `${request.journey.id} ${limitSlot(limit.per, now, request.run)}`;
  };
  for (const request of requests) {
    const limit = request.compiled.definition.entry.limit;
    const id = idOf(request);
    if (!limit || id === undefined || request.refusal !== null) continue;
    slots.set(id, {
      journeyId: request.journey.id,
      slot: limitSlot(limit.per, now, request.run),
      max: limit.max,
      used: 0,
    });
  }
  if (slots.size > 0) {
    const ordered = [...slots.values()].sort((a, b) => (a.journeyId + a.slot < b.journeyId + b.slot ? -1 : 1));
    for (const [id, used] of await lockLimits(tx, ordered)) {
      const slot = slots.get(id);
      if (slot) slot.used = used;
    }
  }
  return {
    slotOf: (request) => slots.get(idOf(request) ?? ''),
    save: async () => {
      if (slots.size > 0) await saveLimits(tx, [...slots.values()]);
    },
  };
}
