import { parseDuration } from '../kernel/duration.js';

/** The re-entry rule of a definition, durations in milliseconds. */
export type Reentry =
  | { readonly kind: 'never' }
  | { readonly kind: 'after'; readonly after: number }
  | { readonly kind: 'after_max_duration' }
  | { readonly kind: 'key'; readonly template: string };

export type LimitWindow = 'lifetime' | 'run' | 'hour' | 'day';

/** The last entry of this profile under this re-entry key. Epoch milliseconds. */
export interface LastEntry {
  readonly enteredAt: number;
}

export type GateRefusal = 'reentry' | 'same_second' | 'limit';

/** Reads `entry.reentry` of a valid definition. */
export function toReentry(raw: false | { readonly after: string } | { readonly key: string } | undefined): Reentry {
  if (!raw) return { kind: 'never' };
  if ('key' in raw) return { kind: 'key', template: raw.key };
  if (raw.after === 'max_duration') return { kind: 'after_max_duration' };
  return { kind: 'after', after: parseDuration(raw.after) ?? 0 };
}

/**
 * May this profile enter at `at`? Returns the reason when not. The same-second rule comes first and holds whatever the
 * re-entry rule says: two triggers of one profile (and one re-entry key) within one second make one entry. Windows count
 * in seconds from the last entry. `remaining` is what the journey's limit leaves in its window; `null` = no limit.
 */
export function refuse(
  reentry: Reentry,
  maxDuration: number,
  last: LastEntry | undefined,
  at: number,
  remaining: number | null,
): GateRefusal | null {
  if (last) {
    const since = Math.abs(at - last.enteredAt);
    if (since < 1000) return 'same_second';
    if (reentry.kind === 'never' || reentry.kind === 'key') return 'reentry';
    if (since < (reentry.kind === 'after_max_duration' ? maxDuration : reentry.after)) return 'reentry';
  }
  return remaining !== null && remaining <= 0 ? 'limit' : null;
}

/** Name of the window a limit counts in: UTC hours and days, one run of a schedule, or the journey's lifetime. */
export function limitSlot(per: LimitWindow, now: number, run: string | null): string {
  switch (per) {
    case 'lifetime':
      return 'lifetime';
    case 'run':
      return `run:${run ?? 'none'}`;
    case 'hour':
      return `hour:${new Date(now).toISOString().slice(0, 13)}`;
    case 'day':
      return `day:${new Date(now).toISOString().slice(0, 10)}`;
  }
}
