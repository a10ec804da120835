/**
 * Headers that every webhook carries beside the author's. They are added when an attempt is made, not when the request is
 * rendered: `webhook-timestamp` is the time of the attempt (Standard Webhooks), so that a receiver that refuses old
 * timestamps takes a retry.
 */
import { lowerCase } from './header-names.js';

export interface AddedFacts {
  readonly deliveryId: string;
  /** Seconds since the epoch of the attempt; `null`: none was made yet. */
  readonly timestamp: number | null;
  readonly depth: number;
  readonly userAgent: string;
}

/** The author's own header of the same name wins, except depth, which nobody may reset. */
export function withAddedHeaders(author: Readonly<Record<string, string>>, facts: AddedFacts): Record<string, string> {
  const headers: Record<string, string> = {};
  let hasId = false;
  let hasTimestamp = false;
  let hasKey = false;
  let hasAgent = false;
  for (const name in author) {
    const lower = lowerCase(name);
    if (lower === 'x-itinera-depth') continue;
    headers[name] = author[name]!;
    if (lower === 'webhook-id') hasId = true;
    else if (lower === 'webhook-timestamp') hasTimestamp = true;
    else if (lower === 'idempotency-key') hasKey = true;
    else if (lower === 'user-agent') hasAgent = true;
  }
  if (!hasId) headers['webhook-id'] = facts.deliveryId;
  if (!hasTimestamp && facts.timestamp !== null) headers['webhook-timestamp'] = String(facts.timestamp);
  if (!hasKey) headers['Idempotency-Key'] = facts.deliveryId;
  if (!hasAgent) headers['User-Agent'] = facts.userAgent;
  headers['X-Itinera-Depth'] = String(facts.depth);
  return headers;
}

export const MASK = '••••••';

const SECRET_NAMES =
  /^(?:authorization|proxy-authorization|cookie|set-cookie|www-authenticate|authentication-info)$|api-?key|token|secret|password|passwd|credential|signature/i;
const NOT_SECRET = new Set(['idempotency-key', 'webhook-signature']);

/** Headers as they may be shown: values that let somebody in are masked; a scheme (`Bearer`) stays readable. */
export function maskHeaders(headers: Readonly<Record<string, string | readonly string[]>>): Record<string, string> {
  const masked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const text = typeof value === 'string' ? value : value.join(', ');
    masked[name] = isSecret(name) ? maskValue(text) : text;
  }
  return masked;
}

const SECRET_PARAMETERS = /^(?:access_token|token|api_?key|apikey|key|secret|password|passwd|signature|sig|auth)$/i;

/** A URL as it may be shown: its password and the query parameters that are secrets by name are masked. */
export function maskUrl(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  const secret = [...url.searchParams.keys()].filter((name) => SECRET_PARAMETERS.test(name));
  if (secret.length === 0 && url.password === '') return text;
  if (url.password !== '') url.password = 'masked';
  for (const name of secret) url.searchParams.set(name, 'masked');
  return url.href;
}

function isSecret(name: string): boolean {
  return SECRET_NAMES.test(name) && !NOT_SECRET.has(name.toLowerCase());
}

function maskValue(value: string): string {
  const scheme = /^(Basic|Bearer|Digest|Token|ApiKey|AWS4-HMAC-SHA256)\s/i.exec(value)?.[1];
  return scheme ? `${scheme} ${MASK}` : MASK;
}
