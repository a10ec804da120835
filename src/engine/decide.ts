/**
 * Decides a claimed batch in memory: every entry takes its signals in order, then its timer if that is due, and runs
 * until it waits or ends. Pure but for the subjects it updates, so that a later entry of the same profile sees what an
 * earlier one changed.
 */
import { advance } from '../journey/advance.js';
import type { CompiledJourney } from '../journey/compile.js';
import type { Advance, AdvanceInput, EntryState, Facts } from '../journey/decision.js';
import type { JourneyInfo } from '../journeys/catalog.js';
import { AppError } from '../kernel/errors.js';
import { mergeAttributes } from '../profiles/merge.js';
import { toState, type EntryRow, type SignalRow } from './entry-row.js';
import type { Subjects } from './subjects.js';

export interface Claimed {
  readonly row: EntryRow;
  readonly journey: JourneyInfo;
  readonly compiled: CompiledJourney;
  readonly signals: readonly SignalRow[];
  /** Its timer woke it, and is gone. */
  readonly timed: boolean;
}

export interface Moved {
  readonly kind: 'moved';
  readonly claimed: Claimed;
  readonly status: Advance['status'];
  readonly reason: string | null;
  readonly state: EntryState;
  readonly effects: Advance['effects'];
  readonly trail: Advance['trail'];
}

export interface Failed {
  readonly kind: 'failed';
  readonly claimed: Claimed;
  readonly code: string;
  readonly message: string;
  readonly cause: unknown;
}

const START: AdvanceInput = { type: 'start' };
const TIMER: AdvanceInput = { type: 'timer' };
const NO_EFFECTS: Advance['effects'] = [];
const NO_TRAIL: Advance['trail'] = [];
const NO_PROPERTIES = Object.freeze({});
const MESSAGE_LENGTH = 500;

const merge: Facts['merge'] = (profile, attributes, now) => mergeAttributes(profile, attributes, now).profile;

export function decide(claimed: Claimed, subjects: Subjects, now: number): Moved | Failed {
  const before = subjects.profile(claimed.row.profile_id);
  try {
    return move(claimed, subjects, now);
  } catch (error) {
    if (before) subjects.setProfile(before);
    // The entry is kept, visible and retryable; the batch goes on. The engine logs the cause.
    return {
      kind: 'failed',
      claimed,
      code: error instanceof AppError ? error.code : 'step_threw',
      message: (error instanceof Error ? error.message : String(error)).slice(0, MESSAGE_LENGTH),
      cause: error,
    };
  }
}

function move(claimed: Claimed, subjects: Subjects, now: number): Moved {
  const { row, journey, compiled } = claimed;
  const entry = {
    id: row.id,
    enteredAt: Math.round(row.entered_at),
    variant: row.variant,
    journeyKey: journey.key,
    journeyName: journey.name,
  };
  const stopped = isStopped(journey, row, now);
  let state = toState(row);
  let status: Advance['status'] = row.status === 'parked' ? 'parked' : 'active';
  let reason: string | null = null;
  let effects: Advance['effects'] = NO_EFFECTS;
  let trail: Advance['trail'] = NO_TRAIL;
  const take = (input: AdvanceInput): void => {
    const subject = subjects.of(row.workspace, row.profile_id, state.context, NO_PROPERTIES);
    const result = advance(compiled, state, input, { now, entry, subject, stopped, merge });
    if (result.profile !== subject.profile) subjects.setProfile(result.profile);
    ({ state, status, reason } = result);
    // Nearly always there is one input, and nothing to join.
    effects = effects.length === 0 ? result.effects : [...effects, ...result.effects];
    trail = trail.length === 0 ? result.trail : [...trail, ...result.trail];
  };
  if (state.step === null) take(START);
  for (const signal of claimed.signals) {
    if (status !== 'active' && status !== 'parked') break;
    take(signal.body);
  }
  // The timer of a step that a signal has just left is not this one: `dueAt` belongs to the state as it is now.
  if (
    status === 'active' &&
    row.step !== null &&
    state.visit === row.visit &&
    state.dueAt !== null &&
    state.dueAt <= now
  ) {
    take(TIMER);
  }
  return { kind: 'moved', claimed, status, reason, state, effects, trail };
}

/** Stopped now, or due while it was stopped and only looked at since (Braze: whoever fell due while stopped leaves). */
function isStopped(journey: JourneyInfo, row: EntryRow, now: number): boolean {
  if (journey.status === 'stopped' || journey.status === 'archived') return true;
  if (journey.stops.length === 0 || row.wake_at === null) return false;
  const due = Math.round(row.wake_at);
  return due <= now && journey.stops.some(({ from, to }) => due >= from && (to === null || due < to));
}
