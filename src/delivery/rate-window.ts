/**
 * How fast a host lets itself be asked: a reducer over what its answers say. Blocked until a time (`Retry-After`, or
 * `Remaining: 0` until the reset), or a window whose rest is spread over the remaining requests, or, after a bare 429, a
 * rate that is halved and recovers additively (AIMD). JSON in, JSON out; times are epoch milliseconds.
 */
import type { RateReading, RateWindow } from './rate-headers.js';

export interface RateState {
  /** The host takes nothing before then. */
  readonly until: number | null;
  readonly window: RateWindow | null;
  readonly aimd: Aimd | null;
}

interface Aimd {
  /** Requests a second. */
  readonly rate: number;
  /** The rate at which the first bare 429 came: once recovered past it, the brake is let go. */
  readonly peak: number;
  /** When it was last halved, and until when its recovery has been counted in. */
  readonly halvedAt: number;
  readonly at: number;
}

export const INITIAL_RATE: RateState = { until: null, window: null, aimd: null };

/** Answers of requests that were under way together count as one 429. */
const HALVE_AT_MOST_EVERY = 1000;
const SLOWEST = 0.1;
/** The share of the peak that comes back each second. */
const RECOVERY = 0.05;
/** Two readings name the same window when their resets differ by less (delta seconds are rounded). */
const SAME_WINDOW = 2000;

/** One answer. `load`: requests a second this host was getting, for the first halving. */
export function observe(state: RateState, status: number, reading: RateReading, load: number, now: number): RateState {
  let until = state.until;
  if (reading.retryAfter !== null) until = Math.max(until ?? 0, reading.retryAfter);
  const window = tightest(
    reading.windows.map((seen) => mergeWindow(state.window, seen)),
    now,
  );
  if (window && window.remaining === 0 && reading.windows.some(({ remaining }) => remaining === 0)) {
    until = Math.max(until ?? 0, window.reset);
  }
  const bare = status === 429 && reading.retryAfter === null && reading.windows.length === 0;
  return {
    until: until !== null && until > now ? until : null,
    window: window ?? (state.window && state.window.reset > now ? state.window : null),
    aimd: bare ? halve(state.aimd, load, now) : recover(state.aimd, now),
  };
}

/** What the state allows: a rate (requests a second), at most so many at once, nothing before. */
export interface RateAllowance {
  readonly rate: number;
  readonly atMost: number;
  readonly notBefore: number | null;
}

export function allowance(state: RateState, now: number): RateAllowance {
  if (state.until !== null && state.until > now) return { rate: 0, atMost: 0, notBefore: state.until };
  const aimd = recover(state.aimd, now);
  const window = state.window && state.window.reset > now ? state.window : null;
  if (window && window.remaining === 0) return { rate: 0, atMost: 0, notBefore: window.reset };
  const spread = window ? windowRate(window, now) : Infinity;
  return {
    rate: Math.min(spread, aimd?.rate ?? Infinity),
    atMost: window?.remaining ?? Infinity,
    notBefore: null,
  };
}

/** Requests about to be made: they are gone from the window before the host says so. */
export function spendWindow(state: RateState, used: number, now: number): RateState {
  const window = state.window && state.window.reset > now ? state.window : null;
  return {
    ...state,
    window: window && { ...window, remaining: Math.max(0, window.remaining - used) },
    aimd: recover(state.aimd, now),
  };
}

/** Several limits at once: blocked for longest, else the slowest. */
export function tightest(windows: readonly RateWindow[], now: number): RateWindow | null {
  let best: RateWindow | null = null;
  for (const window of windows) {
    if (window.reset <= now) continue;
    if (best === null || isTighter(window, best, now)) best = window;
  }
  return best;
}

function isTighter(a: RateWindow, b: RateWindow, now: number): boolean {
  if (a.remaining === 0 || b.remaining === 0) {
    if (a.remaining === 0 && b.remaining === 0) return a.reset > b.reset;
    return a.remaining === 0;
  }
  return windowRate(a, now) < windowRate(b, now);
}

function windowRate(window: RateWindow, now: number): number {
  return (window.remaining * 1000) / Math.max(1, window.reset - now);
}

/** Within one window the count only falls: an answer that overtook another, or requests still under way, must not raise it. */
function mergeWindow(known: RateWindow | null, seen: RateWindow): RateWindow {
  if (!known || Math.abs(known.reset - seen.reset) >= SAME_WINDOW || known.limit !== seen.limit) return seen;
  return { ...seen, remaining: Math.min(known.remaining, seen.remaining) };
}

function halve(aimd: Aimd | null, load: number, now: number): Aimd {
  if (!aimd) {
    const peak = Math.max(load, 2 * SLOWEST);
    return { rate: peak / 2, peak, halvedAt: now, at: now };
  }
  const current = recover(aimd, now) ?? aimd;
  if (now - aimd.halvedAt < HALVE_AT_MOST_EVERY) return current;
  return { ...current, rate: Math.max(SLOWEST, current.rate / 2), halvedAt: now, at: now };
}

function recover(aimd: Aimd | null, now: number): Aimd | null {
  if (!aimd || now <= aimd.at) return aimd;
  const rate = aimd.rate + ((now - aimd.at) / 1000) * Math.max(0.1, aimd.peak * RECOVERY);
  return rate >= aimd.peak * 1.5 ? null : { ...aimd, rate, at: now };
}
