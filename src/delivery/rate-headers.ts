/**
 * What response headers say about speed: `Retry-After`, the three families of limit/remaining/reset, and the IETF
 * structured fields `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers; the dictionary form of
 * drafts up to 07 too). A reset given as epoch seconds, epoch milliseconds, delta seconds or a date is told by magnitude.
 */
import { parseDictionary, parseList } from 'structured-headers';
import type { ResponseHeaders } from './outcome.js';

export interface RateWindow {
  /** Requests in the whole window; `null`: not said. */
  readonly limit: number | null;
  readonly remaining: number;
  /** When the window starts anew, epoch milliseconds. */
  readonly reset: number;
}

export interface RateReading {
  /** Nothing before then, epoch milliseconds. */
  readonly retryAfter: number | null;
  readonly windows: readonly RateWindow[];
  /** `name: value` of headers that made no sense; they are ignored. */
  readonly nonsense: readonly string[];
}

const FAMILIES = ['x-rate-limit-', 'x-ratelimit-', 'ratelimit-'] as const;
const NOTHING: RateReading = { retryAfter: null, windows: [], nonsense: [] };

/** 2001-09-09 in seconds: a smaller number is a delta. 1973 in milliseconds: a smaller number is in seconds. */
const EPOCH_SECONDS_FROM = 1e9;
const EPOCH_MS_FROM = 1e11;
/** Monthly quotas exist; a wait beyond this is a mistake. */
const FARTHEST = 32 * 86_400_000;
const STALE = 86_400_000;

export function readRateHeaders(headers: ResponseHeaders, now: number): RateReading {
  if (!speaksOfSpeed(headers)) return NOTHING;
  const nonsense: string[] = [];
  const windows: RateWindow[] = [];
  const retryAfterText = text(headers['retry-after']);
  const retryAfter = retryAfterText === null ? null : readTime(retryAfterText, now);
  if (retryAfterText !== null && retryAfter === null) nonsense.push(`retry-after: ${retryAfterText}`);
  for (const family of FAMILIES) {
    const window = readFamily(headers, family, now, nonsense);
    if (window) windows.push(window);
  }
  windows.push(...readStructured(headers, now, nonsense));
  return { retryAfter, windows: windows.filter(({ reset }) => reset > now), nonsense };
}

function speaksOfSpeed(headers: ResponseHeaders): boolean {
  for (const name in headers) if (name === 'retry-after' || /^(?:x-)?rate-?limit/.test(name)) return true;
  return false;
}

/** Epoch milliseconds of "then": a number told apart by magnitude, or a date. `null`: nonsense. */
export function readTime(value: string, now: number): number | null {
  const trimmed = value.trim();
  let at: number;
  if (/^\d+(?:\.\d+)?$/.test(trimmed)) {
    const number = Number(trimmed);
    at = number >= EPOCH_MS_FROM ? number : number >= EPOCH_SECONDS_FROM ? number * 1000 : now + number * 1000;
  } else if (/^[A-Za-z]{3,9},|^\d{4}-\d{2}-\d{2}T/.test(trimmed)) {
    at = Date.parse(trimmed);
  } else {
    return null;
  }
  return Number.isFinite(at) && at <= now + FARTHEST && at >= now - STALE ? Math.round(at) : null;
}

function readFamily(headers: ResponseHeaders, family: string, now: number, nonsense: string[]): RateWindow | null {
  const remainingText = text(headers[`${family}remaining`]);
  const resetText = text(headers[`${family}reset`]);
  if (remainingText === null || resetText === null) return null;
  const remaining = readCount(remainingText);
  // A list ("5, 60") gives the window at hand first; a date has a comma of its own.
  const reset = readTime(/^\d/.test(resetText) ? resetText.split(',')[0]! : resetText, now);
  if (remaining === null) nonsense.push(`${family}remaining: ${remainingText}`);
  if (reset === null) nonsense.push(`${family}reset: ${resetText}`);
  if (remaining === null || reset === null) return null;
  const limitText = text(headers[`${family}limit`]);
  return { limit: limitText === null ? null : readCount(limitText), remaining, reset };
}

/** The first number of `100`, `100, 100;w=60` or `10.0`. */
function readCount(value: string): number | null {
  const match = /^\s*(\d{1,15})(?:\.\d+)?\s*(?:[,;]|$)/.exec(value);
  return match ? Number(match[1]) : null;
}

function readStructured(headers: ResponseHeaders, now: number, nonsense: string[]): RateWindow[] {
  const limits = text(headers['ratelimit']);
  if (limits === null) return [];
  const policies = readPolicies(text(headers['ratelimit-policy']), nonsense);
  try {
    if (/^\s*(?:limit|remaining|reset)\s*=/.test(limits)) {
      const fields = parseDictionary(limits);
      const [limit, remaining, reset] = ['limit', 'remaining', 'reset'].map((key) => count(fields.get(key)?.[0]));
      return keep([limit ?? null, remaining ?? null, reset ?? null], now, `ratelimit: ${limits}`, nonsense);
    }
    return parseList(limits).flatMap(([name, parameters]) => {
      const policy = policies.get(String(name));
      if (policy && policy.unit !== 'requests') return [];
      const left = count(parameters.get('r'));
      const seconds = count(parameters.get('t')) ?? policy?.window ?? null;
      return keep([policy?.quota ?? null, left, seconds], now, `ratelimit: ${limits}`, nonsense);
    });
  } catch {
    nonsense.push(`ratelimit: ${limits}`);
    return [];
  }
}

interface Policy {
  readonly quota: number | null;
  /** Seconds. */
  readonly window: number | null;
  readonly unit: string;
}

function readPolicies(value: string | null, nonsense: string[]): Map<string, Policy> {
  const policies = new Map<string, Policy>();
  if (value === null) return policies;
  try {
    for (const [name, parameters] of parseList(value)) {
      const unit: unknown = parameters.get('qu');
      policies.set(String(name), {
        quota: count(parameters.get('q')) ?? count(name),
        window: count(parameters.get('w')),
        unit: typeof unit === 'string' ? unit : unit === undefined ? 'requests' : 'other',
      });
    }
  } catch {
    nonsense.push(`ratelimit-policy: ${value}`);
  }
  return policies;
}

function keep(
  [limit, remaining, seconds]: [number | null, number | null, number | null],
  now: number,
  source: string,
  nonsense: string[],
): RateWindow[] {
  const reset = seconds === null ? null : readTime(String(seconds), now);
  if (remaining === null || reset === null) {
    nonsense.push(source);
    return [];
  }
  return [{ limit, remaining, reset }];
}

function count(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}

function text(value: string | readonly string[] | undefined): string | null {
  if (value === undefined) return null;
  return typeof value === 'string' ? value : value.join(', ');
}
