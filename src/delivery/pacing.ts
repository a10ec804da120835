/**
 * How many deliveries of a host may be claimed now: the least of what its circuit, its rate window, its configured limits
 * and the claiming worker's room allow. The state is shared by all workers through the host's row, so a limit holds over
 * all of them together. JSON in, JSON out; times are epoch milliseconds.
 */
import { circuitAllowance, INITIAL_CIRCUIT, refundCircuit, spendCircuit, type CircuitState } from './circuit.js';
import { circuitRules, type HostSettings } from './host-settings.js';
import { allowance, INITIAL_RATE, spendWindow, type RateState } from './rate-window.js';

export interface PacingState {
  /** When the next request fits the rate (the theoretical arrival time of GCRA). */
  readonly nextAt: number;
  /** What retries are owed of their share of the rate: they get at least a tenth, fresh deliveries go first. */
  readonly retryCredit: number;
}

export const INITIAL_PACING: PacingState = { nextAt: 0, retryCredit: 0 };

export interface HostState {
  readonly circuit: CircuitState;
  readonly rate: RateState;
  readonly pacing: PacingState;
}

export const INITIAL_HOST: HostState = { circuit: INITIAL_CIRCUIT, rate: INITIAL_RATE, pacing: INITIAL_PACING };

export interface Permits {
  readonly permits: number;
  /** Of the permits, how many retries may take before fresh deliveries do. */
  readonly retries: number;
  /** The host takes nothing before then, whoever asks; `null`: it does, or only this worker has no room. */
  readonly notBefore: number | null;
  /** The rate at work, requests a second; `Infinity`: none. */
  readonly rate: number;
}

const RETRY_SHARE = 0.1;
/** Requests of a limited host are let out in groups worth this long, so that a claim is not made for each. */
const GROUP_MS = 100;
/** How late a claim may come without losing part of the rate. */
const CATCH_UP_MS = 50;
/** A configured concurrency that is used up: results pull the host forward, this is the net below. */
const BUSY_RECHECK_MS = 250;

/** `room`: what this worker can take. `inFlight`: deliveries of the host that any worker holds, used with `concurrency`. */
export function permits(
  host: HostState,
  settings: HostSettings,
  { room, inFlight, now }: { room: number; inFlight: number; now: number },
): Permits {
  const circuit = circuitAllowance(host.circuit, now, circuitRules(settings));
  if (circuit.notBefore !== null) return none(circuit.notBefore);
  const window = allowance(host.rate, now);
  if (window.notBefore !== null) return none(window.notBefore);

  const rate = Math.min(circuit.rate, window.rate, settings.per_second ?? Infinity);
  if (Number.isFinite(rate) && host.pacing.nextAt > now) return none(Math.ceil(host.pacing.nextAt));
  const slots = settings.concurrency ? settings.concurrency - inFlight : Infinity;
  if (slots <= 0) return none(now + BUSY_RECHECK_MS);

  const group = Number.isFinite(rate) ? Math.max(1, Math.floor((rate * GROUP_MS) / 1000)) : Infinity;
  const count = Math.max(0, Math.floor(Math.min(circuit.atMost, window.atMost, slots, group, room)));
  const retries = Math.min(count, Math.floor(host.pacing.retryCredit + count * RETRY_SHARE));
  return { permits: count, retries, notBefore: null, rate };
}

/** `fresh` and `retries` deliveries were claimed under `granted`. */
export function spend(
  host: HostState,
  granted: Permits,
  { fresh, retries, now }: { fresh: number; retries: number; now: number },
): HostState {
  const used = fresh + retries;
  if (used === 0) return host;
  const { pacing } = host;
  const start = Math.max(pacing.nextAt, now - CATCH_UP_MS);
  // Credit is kept only while fresh deliveries push retries aside: it never becomes a burst.
  const credit = Math.min(1, Math.max(0, pacing.retryCredit + used * RETRY_SHARE - retries));
  return {
    circuit: spendCircuit(host.circuit, used, now),
    rate: spendWindow(host.rate, used, now),
    pacing: {
      nextAt: Number.isFinite(granted.rate) ? start + (used * 1000) / granted.rate : pacing.nextAt,
      retryCredit: credit,
    },
  };
}

/** Deliveries that were claimed and go back unsent. */
export function refund(host: HostState, unused: number): HostState {
  const { window } = host.rate;
  return {
    ...host,
    circuit: refundCircuit(host.circuit, unused),
    rate: window ? { ...host.rate, window: { ...window, remaining: window.remaining + unused } } : host.rate,
  };
}

/** Until when the host takes nothing at all, for whoever looks; `null`: it does. */
export function deferredUntil(host: HostState, settings: HostSettings, now: number): number | null {
  return circuitAllowance(host.circuit, now, circuitRules(settings)).notBefore ?? allowance(host.rate, now).notBefore;
}

/**
 * How many claimed but unsent deliveries a worker may keep: after the circuit opened or a window became known, what was
 * claimed in ignorance goes back.
 */
export function mayKeep(host: HostState, settings: HostSettings, now: number): number {
  const circuit = circuitAllowance(host.circuit, now, circuitRules(settings));
  if (circuit.notBefore !== null && host.circuit.state === 'open') return 0;
  const window = allowance(host.rate, now);
  if (window.notBefore !== null) return 0;
  if (!Number.isFinite(window.rate)) return Infinity;
  // Worth one second: what is left of it goes out in time, the rest waits its turn in the table.
  return Math.max(1, Math.floor(Math.min(window.atMost, window.rate)));
}

function none(notBefore: number): Permits {
  return { permits: 0, retries: 0, notBefore, rate: 0 };
}
