/** Entries that wait for a happening, or leave by one, get a signal; the wait is over with it. */
import type { CompiledJourney } from '../journey/compile.js';
import { describeTrigger, matches } from '../journey/trigger.js';
import type { Catalog, JourneyCatalog } from '../journeys/catalog.js';
import type { Transaction } from '../persistence/database.js';
import { topicsOfHappening, type ReactBatch } from '../profiles/happening.js';
import { evaluate } from '../segments/evaluate.js';
import type { Subject } from '../segments/subject.js';
import { BatchHistory, profilesAfter } from './batch.js';
import { insertSignals, wakeEngine, type NewSignal } from './signals.store.js';
import { loadSubjects, type Subjects } from './subjects.js';
import { findWaits, takeWaits, type WaitRow } from './waits.store.js';

interface Waiting {
  readonly row: WaitRow;
  readonly compiled: CompiledJourney;
}

export async function meetWaits(
  tx: Transaction,
  versions: JourneyCatalog,
  catalog: Catalog,
  batch: ReactBatch,
): Promise<void> {
  const topics = new Set(
    batch.happenings.flatMap(topicsOfHappening).filter((t) => catalog.isWaitedFor(batch.workspace, t)),
  );
  if (topics.size === 0) return;
  const profiles = [...batch.profiles].map(([profileId, { lane }]) => ({ lane, profileId }));
  const rows = await findWaits(tx, profiles, [...topics]);
  if (rows.length === 0) return;

  const waiting: Waiting[] = [];
  for (const row of rows) {
    const compiled = await versions.usable(tx, row.journey_id, row.version);
    if (compiled) waiting.push({ row, compiled });
  }
  const wants = waiting.map(({ row, compiled }) => ({
    lane: row.lane,
    profileId: row.profile_id,
    workspace: batch.workspace,
    needs: compiled.exitNeeds,
    lock: false,
  }));
  const subjects = await loadSubjects(tx, catalog, wants, batch.now, profilesAfter(batch));
  const { met, signals } = match(waiting, subjects, batch);
  await takeWaits(tx, met);
  await insertSignals(tx, signals, batch.now);
  if (signals.length > 0) await wakeEngine(tx);
}

function match(
  waiting: readonly Waiting[],
  subjects: Subjects,
  batch: ReactBatch,
): { met: WaitRow[]; signals: NewSignal[] } {
  const byProfile = new Map<string, Waiting[]>();
  for (const one of waiting) {
    const known = byProfile.get(one.row.profile_id);
    if (known) known.push(one);
    else byProfile.set(one.row.profile_id, [one]);
  }
  const done = new Set<string>();
  const met: WaitRow[] = [];
  const signals: NewSignal[] = [];
  const past = new BatchHistory(batch);
  batch.happenings.forEach((happening, index) => {
    const topics = new Set(topicsOfHappening(happening));
    // One action moves one entry per Action Paths step: the one that has waited longest.
    const moved = new Set<string>();
    for (const { row, compiled } of byProfile.get(happening.profileId) ?? []) {
      const entry = `${row.kind} ${row.entry_id}`;
      const step = `${row.journey_id} ${row.step}`;
      if (done.has(entry) || !topics.has(row.topic) || (row.kind === 'action' && moved.has(step))) continue;
      const base = subjects.of(batch.workspace, row.profile_id, row.context, happening.properties);
      const subject = { ...base, history: past.before(base.history, row.profile_id, index + 1) };
      const signal =
        row.kind === 'action'
          ? matchAction(row, compiled, happening, subject, batch.now)
          : matchExit(row, compiled, happening, subject, batch.now);
      if (!signal) continue;
      done.add(entry);
      if (row.kind === 'action') moved.add(step);
      met.push(row);
      signals.push({ lane: row.lane, entryId: row.entry_id, signal });
    }
  });
  return { met, signals };
}

type Happening = ReactBatch['happenings'][number];
type Signal = NewSignal['signal'];

/** Several paths may match: the lowest wins. */
function matchAction(
  row: WaitRow,
  compiled: CompiledJourney,
  happening: Happening,
  subject: Subject,
  now: number,
): Signal | null {
  if (row.step === null || row.visit === null) return null;
  const paths = compiled
    .topics(row.step)
    .filter((topic) => matches(topic.trigger, happening, subject, now))
    .map((topic) => topic.path);
  if (paths.length === 0) return null;
  return {
    type: 'action',
    visit: row.visit,
    path: Math.min(...paths),
    properties: happening.properties,
    at: happening.at,
    name: happening.name,
  };
}

function matchExit(
  row: WaitRow,
  compiled: CompiledJourney,
  happening: Happening,
  subject: Subject,
  now: number,
): Signal | null {
  for (const { topic, trigger, audience } of compiled.exitTopics) {
    if (topic !== row.topic) continue;
    if (trigger && matches(trigger, happening, subject, now)) {
      return { type: 'exit', reason: 'performed_event', why: describeTrigger(trigger) };
    }
    if (audience) {
      const { holds, why } = evaluate(audience, subject, now);
      if (holds) return { type: 'exit', reason: 'matched_audience', why };
    }
  }
  return null;
}
