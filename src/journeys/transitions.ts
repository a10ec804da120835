/** The life cycle of a journey as a table: which change fits which status, and what comes of it. Pure. */
export type JourneyStatus = 'draft' | 'active' | 'stopped' | 'archived';
export type JourneyChange = 'edit' | 'launch' | 'stop' | 'resume' | 'archive';

export type Transition =
  | { readonly fits: true; readonly status: JourneyStatus }
  | { readonly fits: false; readonly code: string; readonly message: string };

const ARCHIVED = { code: 'journey_archived', message: 'the journey is archived' };
const NEVER_LAUNCHED = { code: 'journey_not_launched', message: 'the journey was never launched' };
const STOPPED = { code: 'journey_stopped', message: 'the journey is stopped already' };
const RUNNING = { code: 'journey_active', message: 'the journey is running' };

// Launching a stopped journey is the way to put a mended version in place of the one that was stopped.
const TABLE: Record<JourneyStatus, Record<JourneyChange, JourneyStatus | { code: string; message: string }>> = {
  draft: { edit: 'draft', launch: 'active', stop: NEVER_LAUNCHED, resume: NEVER_LAUNCHED, archive: 'archived' },
  active: { edit: 'active', launch: 'active', stop: 'stopped', resume: RUNNING, archive: 'archived' },
  stopped: { edit: 'stopped', launch: 'active', stop: STOPPED, resume: 'active', archive: 'archived' },
  archived: { edit: ARCHIVED, launch: ARCHIVED, stop: ARCHIVED, resume: ARCHIVED, archive: ARCHIVED },
};

export function transition(status: JourneyStatus, change: JourneyChange): Transition {
  const outcome = TABLE[status][change];
  return typeof outcome === 'string' ? { fits: true, status: outcome } : { fits: false, ...outcome };
}

/** An interval in which a journey was stopped: whoever was due inside one leaves. Epoch milliseconds; `to` null = still. */
export interface Stop {
  readonly from: number;
  readonly to: number | null;
}

/** The intervals after a change from one status to another at `now`. */
export function stopsAfter(
  stops: readonly Stop[],
  from: JourneyStatus,
  to: JourneyStatus,
  now: number,
): readonly Stop[] {
  const runs = to === 'active';
  const last = stops.at(-1);
  if (runs && last?.to === null) return [...stops.slice(0, -1), { from: last.from, to: Math.max(now, last.from) }];
  if (!runs && from === 'active') return [...stops, { from: now, to: null }];
  return stops;
}
