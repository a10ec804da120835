/**
 * The host circuit breaker, a reducer over JSON values (contract/delivery.md): closed → open when in a sliding window the
 * majority of at least 20 requests failed, or more than 3,000 failed (Braze's number); open for the cool-down; half-open
 * lets a few probes out; majority good → closed with the rate ramped up, else open again with the cool-down doubled.
 */
import type { Answer, StatusPattern } from './outcome.js';
import { matchesStatus } from './outcome.js';

/** Durations in milliseconds. */
export interface CircuitRules {
  readonly window: number;
  readonly minRequests: number;
  /** Open when more than this share failed, 0–1. */
  readonly failureRatio: number;
  /** Open when more than so many failed, whatever the share. */
  readonly maxFailures: number;
  readonly coolDown: number;
  readonly maxCoolDown: number;
  readonly probes: number;
  /** Statuses that count as failures of the host; no answer at all always does. */
  readonly statuses: readonly StatusPattern[];
}

export const DEFAULT_CIRCUIT: CircuitRules = {
  window: 60_000,
  minRequests: 20,
  failureRatio: 0.5,
  maxFailures: 3000,
  coolDown: 60_000,
  maxCoolDown: 15 * 60_000,
  probes: 5,
  statuses: [408, 429, 502, 503, 504, 529],
};

/** [start (epoch ms), requests, failures]. */
type Bucket = readonly [number, number, number];

export type CircuitState =
  | {
      readonly state: 'closed';
      readonly buckets: readonly Bucket[];
      /** When it closed after having been open; `null`: never was. Starts the ramp. */
      readonly closedAt: number | null;
    }
  | { readonly state: 'open'; readonly until: number; readonly coolDown: number; readonly buckets: readonly Bucket[] }
  | {
      readonly state: 'half_open';
      readonly since: number;
      readonly coolDown: number;
      /** Probes let out, their results included. */
      readonly granted: number;
      readonly good: number;
      readonly bad: number;
      /** When probes without a result are given up (their worker is gone). */
      readonly expires: number;
    };

export const INITIAL_CIRCUIT: CircuitState = { state: 'closed', buckets: [], closedAt: null };

/** One finished request, for the circuit. */
export interface CircuitResult {
  readonly failed: boolean;
  /** When the request began: what began before the state did says nothing about it. */
  readonly startedAt: number;
}

const BUCKETS = 12;
/** Longer than any request and its record take. */
const PROBE_PATIENCE = 120_000;
const RAMP_START = 10;
const RAMP_DOUBLES_EVERY = 1000;
const RAMP_ENDS_AFTER = 12_000;

/** `null`: no request was made, so the circuit learns nothing. */
export function isHostFailure(answer: Answer, rules: CircuitRules): boolean | null {
  if (answer.kind === 'blocked') return null;
  if (answer.kind === 'error') return answer.cause === 'request_invalid' ? null : true;
  return matchesStatus(answer.status, rules.statuses);
}

/** The state as time alone leaves it: an open circuit whose cool-down is over is half-open. */
export function circuitAt(state: CircuitState, now: number): CircuitState {
  if (state.state === 'open' && now >= state.until) {
    return { state: 'half_open', since: now, coolDown: state.coolDown, granted: 0, good: 0, bad: 0, expires: now };
  }
  if (state.state === 'half_open' && now >= state.expires && state.granted > state.good + state.bad) {
    return { ...state, granted: state.good + state.bad };
  }
  return state;
}

/** Finished requests come in. */
export function settle(
  before: CircuitState,
  results: readonly CircuitResult[],
  now: number,
  rules: CircuitRules,
): CircuitState {
  const state = circuitAt(before, now);
  switch (state.state) {
    case 'open':
      return state;
    case 'half_open': {
      const probes = results.filter(({ startedAt }) => startedAt >= state.since);
      const bad = state.bad + probes.filter(({ failed }) => failed).length;
      const good = state.good + probes.length - (bad - state.bad);
      const majority = Math.floor(rules.probes / 2) + 1;
      if (good >= majority) return { state: 'closed', buckets: [], closedAt: now };
      if (bad > rules.probes - majority) {
        return open(Math.min(state.coolDown * 2, rules.maxCoolDown), [], now);
      }
      return { ...state, good, bad, granted: Math.max(state.granted, good + bad) };
    }
    case 'closed': {
      const counted = results.filter(({ startedAt }) => startedAt >= (state.closedAt ?? 0));
      const failed = counted.filter((result) => result.failed).length;
      const buckets = add(state.buckets, counted.length, failed, now, rules.window);
      const { requests, failures } = sum(buckets);
      const majorityFailed = requests >= rules.minRequests && failures > requests * rules.failureRatio;
      if (failed > 0 && (majorityFailed || failures > rules.maxFailures)) return open(rules.coolDown, buckets, now);
      const isRamped = state.closedAt !== null && now - state.closedAt >= RAMP_ENDS_AFTER;
      return { ...state, buckets, closedAt: isRamped ? null : state.closedAt };
    }
  }
}

/** How many requests the circuit lets out now, and when to ask again if none. */
export function circuitAllowance(
  before: CircuitState,
  now: number,
  rules: CircuitRules,
): { readonly atMost: number; readonly rate: number; readonly notBefore: number | null } {
  const state = circuitAt(before, now);
  switch (state.state) {
    case 'open':
      return { atMost: 0, rate: 0, notBefore: state.until };
    case 'half_open': {
      const left = rules.probes - state.granted;
      return left > 0
        ? { atMost: left, rate: Infinity, notBefore: null }
        : { atMost: 0, rate: 0, notBefore: state.expires };
    }
    case 'closed':
      return { atMost: Infinity, rate: rampRate(state.closedAt, now), notBefore: null };
  }
}

/** Requests about to be made: in half-open they are probes. */
export function spendCircuit(before: CircuitState, used: number, now: number): CircuitState {
  const state = circuitAt(before, now);
  if (state.state !== 'half_open' || used === 0) return state;
  return { ...state, granted: state.granted + used, expires: now + PROBE_PATIENCE };
}

/** Claimed deliveries that go back unsent: a probe that was not made is not a probe. */
export function refundCircuit(state: CircuitState, unused: number): CircuitState {
  if (state.state !== 'half_open') return state;
  return { ...state, granted: Math.max(state.good + state.bad, state.granted - unused) };
}

/** Requests and failures of the window at hand. */
export function circuitCounts(
  state: CircuitState,
  now: number,
  window: number,
): { requests: number; failures: number } {
  if (state.state === 'half_open') return { requests: state.good + state.bad, failures: state.bad };
  return sum(state.buckets.filter(([start]) => start > now - window));
}

/** Requests a second over the last buckets: what the host was getting. */
export function circuitLoad(state: CircuitState, now: number, window: number): number {
  if (state.state === 'half_open') return 0;
  const width = window / BUCKETS;
  const recent = state.buckets.filter(([start]) => start > now - 2 * width);
  const first = recent[0];
  if (!first) return 0;
  return (sum(recent).requests * 1000) / Math.max(1000, now - first[0]);
}

function open(coolDown: number, buckets: readonly Bucket[], now: number): CircuitState {
  return { state: 'open', until: now + coolDown, coolDown, buckets };
}

function rampRate(closedAt: number | null, now: number): number {
  if (closedAt === null || now - closedAt >= RAMP_ENDS_AFTER) return Infinity;
  return RAMP_START * 2 ** (Math.max(0, now - closedAt) / RAMP_DOUBLES_EVERY);
}

function add(buckets: readonly Bucket[], requests: number, failures: number, now: number, window: number): Bucket[] {
  const width = window / BUCKETS;
  const start = Math.floor(now / width) * width;
  const kept = buckets.filter(([at]) => at > now - window);
  if (requests === 0) return kept;
  const last = kept[kept.length - 1];
  if (last && last[0] === start) return [...kept.slice(0, -1), [start, last[1] + requests, last[2] + failures]];
  return [...kept, [start, requests, failures]];
}

function sum(buckets: readonly Bucket[]): { requests: number; failures: number } {
  let requests = 0;
  let failures = 0;
  for (const [, all, failed] of buckets) {
    requests += all;
    failures += failed;
  }
  return { requests, failures };
}
