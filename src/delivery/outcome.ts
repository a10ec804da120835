/**
 * What came back from one attempt, as a value that stays typed to the end (contract/delivery.md, "Outcome of an attempt").
 * A retriable status never turns into a generic error on its way: the retry rule, the circuit and the log all read this.
 */

/** Why no complete answer came back. `connect_*`, `dns_failed`, `tls_failed` and `unreachable`: the host was never reached. */
export type TransportCause =
  | 'connect_refused'
  | 'connect_timed_out'
  | 'dns_failed'
  | 'tls_failed'
  | 'unreachable'
  | 'reset'
  | 'timed_out'
  | 'protocol_error'
  | 'request_invalid';

/** Response headers, names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What the sender saw. */
export type Answer =
  | { readonly kind: 'response'; readonly status: number; readonly headers: ResponseHeaders }
  | { readonly kind: 'error'; readonly cause: TransportCause; readonly message: string }
  /** The egress guard refused the address; no request was made. */
  | { readonly kind: 'blocked'; readonly message: string };

export type Outcome =
  | { readonly kind: 'delivered'; readonly status: number }
  /** `unreachable`: no connection was made, which earns the slow lane (`retry.ts`). */
  | { readonly kind: 'retry'; readonly status: number; readonly reason: string; readonly unreachable: boolean }
  /** `gone`: 410, a warning on the host. */
  | { readonly kind: 'failed'; readonly status: number | null; readonly reason: string; readonly gone: boolean };

/** Logged when a request was not made because the host's circuit is open. Braze's number. */
export const STATUS_DEFERRED = 598;
/** Logged when no answer came: connect, TLS and DNS errors, resets, time-outs. Braze's number. */
export const STATUS_NO_ANSWER = 599;

/** A status, or a class of them. */
export type StatusPattern = number | '1xx' | '2xx' | '3xx' | '4xx' | '5xx';

export const RETRIED_STATUSES: readonly StatusPattern[] = [408, 429, '5xx'];

const NEVER_REACHED: ReadonlySet<TransportCause> = new Set<TransportCause>([
  'connect_refused',
  'connect_timed_out',
  'dns_failed',
  'tls_failed',
  'unreachable',
]);

export function matchesStatus(status: number, patterns: readonly StatusPattern[]): boolean {
  return patterns.some((pattern) =>
    typeof pattern === 'number' ? pattern === status : Number(pattern[0]) === Math.floor(status / 100),
  );
}

/** The contract's table. `retried`: the step's `retry.statuses`. */
export function outcomeOf(answer: Answer, retried: readonly StatusPattern[] = RETRIED_STATUSES): Outcome {
  switch (answer.kind) {
    case 'blocked':
      return { kind: 'failed', status: null, reason: 'egress_blocked', gone: false };
    case 'error':
      if (answer.cause === 'request_invalid')
        return { kind: 'failed', status: null, reason: answer.cause, gone: false };
      return {
        kind: 'retry',
        status: STATUS_NO_ANSWER,
        reason: answer.cause,
        unreachable: NEVER_REACHED.has(answer.cause),
      };
    case 'response': {
      const { status } = answer;
      if (status >= 200 && status < 300) return { kind: 'delivered', status };
      if (matchesStatus(status, retried)) {
        return { kind: 'retry', status, reason: `http_${status}`, unreachable: false };
      }
      return { kind: 'failed', status, reason: `http_${status}`, gone: status === 410 };
    }
  }
}
