/**
 * The tick: claim → load → decide → persist, in one short transaction.
 *
 * Promise: an entry is advanced by exactly one transaction at a time, and everything that follows from the advance (its
 * new place, timeline, deliveries, signals to others, counters) is committed with it or not at all. Within the transaction
 * nothing is awaited but the database, so a crash at any line rolls back and another worker takes the same entries over
 * at once: there is no lease and no rescuer here. Two workers never hold one entry (row lock, SKIP LOCKED); signals are
 * consumed only by the holder of the entry's lock.
 *
 * Tables: entry, signal, wait, visit are the engine's own; `delivery` and `host` are where it meets the delivery room;
 * profiles and events are written through the profiles room when a step changes them.
 *
 * An entry whose decision throws becomes `errored` and does not sink its batch. If the database refuses the batch for its
 * data, the batch is taken again in halves until the entry at fault stands alone.
 */
import type { CompiledJourney } from '../journey/compile.js';
import { JourneyCatalog, type Catalog } from '../journeys/catalog.js';
import { AppError } from '../kernel/errors.js';
import { Database, errorCode, type Transaction } from '../persistence/database.js';
import { applyChanges } from './changes.js';
import { claimNamed, readSignalled, readSignals, settleLate, takeTimers, type Timer } from './claim.sql.js';
import { decide, type Claimed, type Failed, type Moved } from './decide.js';
import type { EntryRow, SignalRow } from './entry-row.js';
import { Outbox } from './outbox.store.js';
import { persist } from './persist.js';
import { updateEntries, type EntryUpdate } from './persist.sql.js';
import { Reactions } from './reactions.js';
import { loadSubjects, type Subjects, type Want } from './subjects.js';
import { insertTimers } from './timers.store.js';
import { toErrored } from './updates.js';

export interface TickResult {
  /** Entries claimed and advanced. */
  readonly advanced: number;
  /** Steps they passed. */
  readonly passed: number;
  /** How many of them completed, exited, errored, were parked. */
  readonly outcomes: Readonly<Record<'completed' | 'exited' | 'errored' | 'parked', number>>;
  readonly errored: readonly Failed[];
  /** Timers taken; as many as asked for means that there may be more. */
  readonly taken: number;
  /** The first one's time, epoch milliseconds: nothing older is due but what others hold. */
  readonly oldest: number | null;
}

interface Claim {
  readonly rows: readonly EntryRow[];
  /** Ids of rows claimed for their signals. */
  readonly signalled: ReadonlySet<string>;
  /** Timers taken, and the first one's time. */
  readonly taken: number;
  readonly oldest: number | null;
}

interface Ref {
  readonly lane: number;
  readonly id: string;
}

/** A statement that failed because of the data it was given: SQLSTATE classes 22 (data) and 54 (program limits), 23 (constraint). */
const isDataError = (error: unknown): boolean => /^(22|23|54)/.test(errorCode(error) ?? '');

export class Tick {
  private readonly outbox: Outbox;

  constructor(
    private readonly database: Database,
    private readonly catalog: JourneyCatalog,
    private readonly reactions: Reactions,
  ) {
    this.outbox = new Outbox(database);
  }

  /**
   * Advances up to `limit` entries that are due at `now` or have signals. `from`: do not look at timers before it
   * (0 = all), see `takeTimers`.
   */
  async run(now: number, limit: number, from = 0): Promise<TickResult> {
    let refs: readonly Ref[] = [];
    try {
      return await this.database.transaction(async (tx) => {
        const { rows, signalled, taken, oldest } = await this.claim(tx, now, limit, from);
        refs = rows;
        return { ...(await this.advance(tx, rows, signalled, now)), taken, oldest };
      });
    } catch (error) {
      if (!isDataError(error) || refs.length === 0) throw error;
      return await this.runNamed(refs, now, error);
    }
  }

  /** The same for named entries, in halves while the database refuses their data. */
  private async runNamed(refs: readonly Ref[], now: number, cause: unknown): Promise<TickResult> {
    const results: TickResult[] = [];
    const halves = refs.length === 1 ? [refs] : [refs.slice(0, refs.length >> 1), refs.slice(refs.length >> 1)];
    for (const half of halves) {
      const fail = refs.length === 1 ? cause : undefined;
      try {
        results.push(
          await this.database.transaction(async (tx) => {
            const rows = (await claimNamed(tx, half)).filter(isOpen);
            return await this.advance(tx, rows, new Set(rows.map((row) => row.id)), now, fail);
          }),
        );
      } catch (error) {
        if (!isDataError(error) || fail !== undefined) throw error;
        results.push(await this.runNamed(half, now, error));
      }
    }
    return results.reduce(add, NOTHING);
  }

  private async claim(tx: Transaction, now: number, limit: number, from: number): Promise<Claim> {
    const timers = await takeTimers(tx, now, from, limit);
    const due = await this.claimTimed(tx, timers);
    const claim = { rows: due, signalled: NOBODY, taken: timers.length, oldest: oldestOf(timers) };
    // Signals are heard, if fewer, while there are more timers than a batch holds: somebody acts on a webhook's answer.
    const room = timers.length >= limit ? Math.ceil(limit / 4) : limit;
    const known = new Set(due.map((row) => row.id));
    const refs = (await readSignalled(tx, room)).filter(({ id }) => !known.has(id));
    if (refs.length === 0) return claim;
    const named = await claimNamed(tx, refs);
    const open = named.filter(isOpen);
    if (open.length < named.length)
      await settleLate(
        tx,
        named.filter((row) => !isOpen(row)),
      );
    return { ...claim, rows: [...due, ...open], signalled: new Set(open.map((row) => row.id)) };
  }

  /** Entries of the timers taken. One that another tick holds gets its timer back; a timer that is not its entry's any more is dropped. */
  private async claimTimed(tx: Transaction, timers: readonly Timer[]): Promise<EntryRow[]> {
    if (timers.length === 0) return [];
    const rows = new Map((await claimNamed(tx, timers)).map((row) => [row.id, row]));
    await insertTimers(
      tx,
      timers.filter(({ id }) => !rows.has(id)),
    );
    return timers.flatMap(({ id, at }) => {
      const row = rows.get(id);
      // A timer may be there twice: the entry is taken once.
      if (row && Math.round(row.wake_at ?? 0) === at) rows.delete(id);
      return row?.status === 'active' && row.wake_at !== null && Math.round(row.wake_at) === at ? [row] : [];
    });
  }

  private async advance(
    tx: Transaction,
    rows: readonly EntryRow[],
    signalled: ReadonlySet<string>,
    now: number,
    fail?: unknown,
  ): Promise<TickResult> {
    if (rows.length === 0) return NOTHING;
    const catalog = await this.catalog.current(tx);
    const batch = await this.load(tx, catalog, rows, signalled);
    const outcomes: (Moved | Failed)[] = [];
    const subjects = await this.loadSubjects(tx, catalog, batch, now);
    const loaded = subjects.loaded();
    for (const claimed of batch) {
      outcomes.push(fail === undefined ? decide(claimed, subjects, now) : refusedByDatabase(claimed, fail));
    }
    await persist(tx, this.outbox, outcomes, now);
    await applyChanges(tx, this.reactions, outcomes, loaded, now);
    return summarise(outcomes);
  }

  private async load(
    tx: Transaction,
    catalog: Catalog,
    rows: readonly EntryRow[],
    signalled: ReadonlySet<string>,
  ): Promise<Claimed[]> {
    const batch: { -readonly [K in keyof Claimed]: Claimed[K] }[] = [];
    const listening: EntryRow[] = [];
    const stranded: EntryUpdate[] = [];
    for (const row of rows) {
      const journey = catalog.journey(row.journey_id);
      const compiled = await this.compiledFor(tx, row);
      if (!journey || compiled instanceof AppError) {
        const { code, message } = compiled instanceof AppError ? compiled : NO_JOURNEY;
        stranded.push(toErrored({ row, signals: NONE }, code, message));
        continue;
      }
      const wasSignalled = signalled.has(row.id);
      batch.push({ row, journey, compiled, signals: NONE, timed: !wasSignalled });
      // A timer and a signal may fall due together: the signal came first. Steps that hear nothing are not asked for.
      if (wasSignalled || hearsSignals(compiled, row.step)) listening.push(row);
    }
    await updateEntries(tx, stranded);
    if (listening.length > 0) {
      const signals = await readSignals(tx, listening);
      for (const claimed of batch) claimed.signals = signals.get(claimed.row.id) ?? NONE;
    }
    return batch;
  }

  /** A version that does not compile (any more) strands its own entries, never the batch. */
  private async compiledFor(tx: Transaction, { journey_id, version }: EntryRow): Promise<CompiledJourney | AppError> {
    try {
      return this.catalog.versionInMemory(journey_id, version) ?? (await this.catalog.version(tx, journey_id, version));
    } catch (error) {
      if (error instanceof AppError) return error;
      throw error;
    }
  }

  private loadSubjects(tx: Transaction, catalog: Catalog, batch: readonly Claimed[], now: number): Promise<Subjects> {
    const wants: Want[] = [];
    for (const { row, compiled } of batch) {
      const needs = compiled.needs(row.step);
      const { profile, lock, history, journeys, webhooks } = needs;
      if (!profile && !lock && history.length === 0 && journeys.length === 0 && webhooks.length === 0) continue;
      wants.push({ lane: row.lane, profileId: row.profile_id, workspace: row.workspace, needs, lock });
    }
    return loadSubjects(tx, catalog, wants, now);
  }
}

const NOTHING: TickResult = {
  advanced: 0,
  passed: 0,
  outcomes: { completed: 0, exited: 0, errored: 0, parked: 0 },
  errored: [],
  taken: 0,
  oldest: null,
};

function add(a: TickResult, b: TickResult): TickResult {
  const { completed, exited, errored, parked } = a.outcomes;
  return {
    advanced: a.advanced + b.advanced,
    passed: a.passed + b.passed,
    outcomes: {
      completed: completed + b.outcomes.completed,
      exited: exited + b.outcomes.exited,
      errored: errored + b.outcomes.errored,
      parked: parked + b.outcomes.parked,
    },
    errored: [...a.errored, ...b.errored],
    taken: a.taken,
    oldest: a.oldest,
  };
}

function summarise(outcomes: readonly (Moved | Failed)[]): TickResult {
  const of = { completed: 0, exited: 0, errored: 0, parked: 0 };
  let passed = 0;
  for (const outcome of outcomes) {
    if (outcome.kind === 'failed') of.errored++;
    else {
      if (outcome.status !== 'active') of[outcome.status]++;
      for (const { what } of outcome.trail) if (what === 'went' || what === 'exited') passed++;
    }
  }
  const errored = outcomes.filter((outcome) => outcome.kind === 'failed');
  return { advanced: outcomes.length, passed, outcomes: of, errored, taken: 0, oldest: null };
}

const NO_JOURNEY = new AppError('journey_unknown', 'the entry belongs to no journey');
const NOBODY: ReadonlySet<string> = new Set();
const NONE: readonly SignalRow[] = [];

function oldestOf(timers: readonly Timer[]): number | null {
  return timers.length === 0 ? null : timers.reduce((oldest, { at }) => Math.min(oldest, at), Infinity);
}

function hearsSignals({ exitTopics, steps }: CompiledJourney, id: string | null): boolean {
  if (exitTopics.length > 0) return true;
  const step = id === null ? undefined : steps.get(id);
  return step !== undefined && (step.type === 'webhook' || step.behaviour.topics.length > 0);
}

function isOpen(row: EntryRow): boolean {
  return row.status === 'active' || row.status === 'parked';
}

function refusedByDatabase(claimed: Claimed, cause: unknown): Failed {
  const message = cause instanceof Error ? cause.message : String(cause);
  return { kind: 'failed', claimed, code: 'data_refused', message: message.slice(0, 500), cause };
}
