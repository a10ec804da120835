/**
 * Whether and when a delivery is tried again. Policy of the step: 1 + 5 attempts within 30 min by default, waits of
 * `initial · factor^n` with jitter. `Retry-After` and rate windows move an attempt later, never earlier. A host that could
 * not even be reached keeps a slow lane up to 24 h after the first attempt (Braze's rule).
 */
import { parseDuration } from '../kernel/duration.js';
import { RETRIED_STATUSES, type StatusPattern } from './outcome.js';

/** Durations in milliseconds. */
export interface RetryPolicy {
  /** The first attempt included. */
  readonly attempts: number;
  readonly initial: number;
  readonly factor: number;
  readonly max: number;
  /** ± this share of the wait, 0–1. */
  readonly jitter: number;
  /** Counted from the first attempt. */
  readonly within: number;
  readonly statuses: readonly StatusPattern[];
}

export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 6,
  initial: 30_000,
  factor: 2.2,
  max: 20 * 60_000,
  jitter: 0.2,
  within: 30 * 60_000,
  statuses: RETRIED_STATUSES,
};

/** A step's `retry`, durations in ISO 8601; absent keys take the defaults. */
export interface RetryField {
  readonly attempts?: number | undefined;
  readonly initial?: string | undefined;
  readonly factor?: number | undefined;
  readonly max?: string | undefined;
  readonly jitter?: number | undefined;
  readonly within?: string | undefined;
  readonly statuses?: readonly (number | string)[] | undefined;
}

export function retryPolicy(field: RetryField | undefined): RetryPolicy {
  const ms = (text: string | undefined, otherwise: number): number =>
    text === undefined ? otherwise : (parseDuration(text) ?? otherwise);
  return {
    attempts: field?.attempts ?? DEFAULT_RETRY.attempts,
    initial: ms(field?.initial, DEFAULT_RETRY.initial),
    factor: field?.factor ?? DEFAULT_RETRY.factor,
    max: ms(field?.max, DEFAULT_RETRY.max),
    jitter: field?.jitter ?? DEFAULT_RETRY.jitter,
    within: ms(field?.within, DEFAULT_RETRY.within),
    statuses: (field?.statuses as readonly StatusPattern[] | undefined) ?? DEFAULT_RETRY.statuses,
  };
}

export interface RetryFacts {
  /** Attempts made so far, the one just recorded included. */
  readonly made: number;
  /** Epoch milliseconds, as all times here. */
  readonly firstAttemptAt: number;
  readonly now: number;
  /** What `Retry-After` or a rate window asks for. */
  readonly notBefore: number | null;
  readonly unreachable: boolean;
  /** A random number in [0, 1), for the jitter. */
  readonly unit: number;
}

export type RetryVerdict =
  { readonly kind: 'again'; readonly at: number; readonly lane: 'normal' | 'slow' } | { readonly kind: 'exhausted' };

const SLOW_LANE_WITHIN = 24 * 3_600_000;
const SLOW_LANE_MAX_WAIT = 4 * 3_600_000;

/** The wait before attempt `made + 1`, without what the host asked for. */
export function backOff(policy: RetryPolicy, made: number, unit: number): number {
  return jittered(Math.min(policy.initial * policy.factor ** (made - 1), policy.max), policy.jitter, unit);
}

export function nextAttempt(policy: RetryPolicy, facts: RetryFacts): RetryVerdict {
  const { made, firstAttemptAt, now, notBefore, unreachable, unit } = facts;
  const at = Math.max(now + backOff(policy, made, unit), notBefore ?? 0);
  if (made < policy.attempts && at <= firstAttemptAt + policy.within) {
    return { kind: 'again', at: Math.round(at), lane: 'normal' };
  }
  // An author who wants one attempt gets one.
  if (!unreachable || policy.attempts <= 1) return { kind: 'exhausted' };
  const wait = Math.min(Math.max((now - firstAttemptAt) / 4, policy.max), SLOW_LANE_MAX_WAIT);
  const slow = Math.max(now + jittered(wait, policy.jitter, unit), notBefore ?? 0);
  if (slow > firstAttemptAt + SLOW_LANE_WITHIN) return { kind: 'exhausted' };
  return { kind: 'again', at: Math.round(slow), lane: 'slow' };
}

function jittered(wait: number, jitter: number, unit: number): number {
  return wait * (1 + jitter * (2 * unit - 1));
}
