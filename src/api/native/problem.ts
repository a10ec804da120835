/**
 * Errors of the native API as problem documents (RFC 9457). This table is the only place where a code becomes an HTTP
 * status; a code that is not in it is a bug or broken infrastructure and answers 500 with nothing inside. Pure.
 */
import { STATUS_CODES } from 'node:http';
import type { JsonObject } from '../../kernel/json.js';

export const STATUS = {
  request_invalid: 400,
  cursor_invalid: 400,
  json_invalid: 400,
  json_empty: 400,
  bad_request: 400,
  recipient_unidentified: 400,
  idempotency_key_invalid: 400,

  api_key_missing: 401,
  api_key_invalid: 401,

  scope_missing: 403,
  scope_beyond_own: 403,

  not_found: 404,
  journey_unknown: 404,
  version_unknown: 404,
  entry_unknown: 404,
  delivery_unknown: 404,
  host_unknown: 404,
  profile_unknown: 404,
  api_key_unknown: 404,

  journey_key_taken: 409,
  journey_archived: 409,
  journey_not_launched: 409,
  journey_stopped: 409,
  journey_active: 409,
  version_live: 409,
  journey_not_api_triggered: 409,
  entry_state: 409,
  entry_not_errored: 409,
  delivery_state: 409,
  idempotency_in_progress: 409,

  version_mismatch: 412,
  body_too_large: 413,
  media_type_unsupported: 415,

  journey_invalid: 422,
  in_flight_move_not_built: 422,
  idempotency_key_reused: 422,

  internal: 500,
  database_unavailable: 503,
  ingest_overloaded: 503,
} as const satisfies Record<string, number>;

export type ProblemCode = keyof typeof STATUS;

export interface Problem extends JsonObject {
  /** The phrase of the status. */
  readonly title: string;
  readonly status: number;
  /** Stable; what callers match on. */
  readonly code: string;
  readonly detail: string;
}

export function statusOf(code: string): number | undefined {
  return Object.hasOwn(STATUS, code) ? STATUS[code as ProblemCode] : undefined;
}

/** `extra` are further members; they never replace the four of every problem. */
export function problem(code: string, status: number, detail: string, extra: JsonObject = {}): Problem {
  return { ...extra, title: STATUS_CODES[status] ?? 'Error', status, code, detail };
}

/** Codes for refusals that come from the web server itself and have none of ours. */
const BY_SERVER_CODE: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'json_invalid',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'json_empty',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media_type_unsupported',
};
const BY_STATUS: Readonly<Record<number, ProblemCode>> = {
  400: 'bad_request',
  401: 'api_key_invalid',
  403: 'scope_missing',
  404: 'not_found',
  413: 'body_too_large',
  415: 'media_type_unsupported',
};

export function codeOfServerError(serverCode: string | undefined, status: number): string {
  return BY_SERVER_CODE[serverCode ?? ''] ?? BY_STATUS[status] ?? `http_${status}`;
}
