/**
 * One HTTP request over undici, as a value: never throws, never follows a redirect, never reads more than 1 MiB. One pool
 * per host with a bounded number of keep-alive connections, so that a host that hangs holds its own sockets only. The
 * egress guard is the connector, so nothing here can reach an address it refuses.
 */
import { LRUCache } from 'lru-cache';
import { Pool, type buildConnector, type Dispatcher } from 'undici';
import { AppError, unreachable } from '../kernel/errors.js';
import { errorCode } from '../persistence/database.js';
import { EGRESS_BLOCKED } from '../security/egress.js';
import { lowerCase } from './header-names.js';
import type { Answer, ResponseHeaders, TransportCause } from './outcome.js';

export const CONNECTIONS_PER_HOST = 64;
/** Read at most, for `capture`. */
export const RESPONSE_READ = 1024 * 1024;
/** Kept for the log. */
export const RESPONSE_LOGGED = 16 * 1024;

const POOLS = 512;
const TARGETS = 2000;

export interface SendRequest {
  /** Pools are kept apart by it: a host of a workspace. */
  readonly pool: string;
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  /** Milliseconds, the whole request. */
  readonly timeout: number;
  /** Bytes of the response to keep. */
  readonly keep: number;
}

export interface SendResult {
  readonly answer: Answer;
  /** What was kept of the response. */
  readonly body: Uint8Array;
  /** There was more. */
  readonly truncated: boolean;
}

/** The client computes these from the request and the connection; what an author wrote there could only break the message. */
const OWN_BY_CLIENT = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'expect',
  'content-length',
  'te',
  'trailer',
  'proxy-connection',
]);

/** A URL as the client takes it. */
interface Target {
  readonly origin: string;
  readonly path: string;
}

export class Sender {
  private readonly pools: LRUCache<string, Pool>;
  /** Steps send to the same few URLs over and over. */
  private readonly targets = new Map<string, Target>();

  constructor(private readonly connector: buildConnector.connector) {
    // An evicted pool finishes what it is doing: close, not destroy.
    this.pools = new LRUCache<string, Pool>({
      max: POOLS,
      dispose: (pool) => void pool.close().catch(() => undefined),
    });
  }

  send(request: SendRequest): Promise<SendResult> {
    return new Promise((resolve) => {
      const target = this.target(request.url);
      const exchange = new Exchange(request, resolve);
      const headers: string[] = [];
      for (const name in request.headers) {
        if (!OWN_BY_CLIENT.has(lowerCase(name))) headers.push(name, request.headers[name]!);
      }
      const options: Dispatcher.DispatchOptions = {
        path: target.path,
        method: request.method,
        headers,
        body: request.body && request.body.byteLength > 0 ? request.body : null,
        headersTimeout: 0,
        bodyTimeout: 0,
      };
      try {
        this.pool(request.pool, target.origin).dispatch(options, exchange);
      } catch (error) {
        exchange.onResponseError(null, error as Error);
      }
    });
  }

  async close(): Promise<void> {
    const pools = [...this.pools.values()];
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  private target(text: string): Target {
    const known = this.targets.get(text);
    if (known) return known;
    const url = new URL(text);
    const target = { origin: url.origin, path: `${url.pathname}${url.search}` };
    if (this.targets.size >= TARGETS) this.targets.clear();
    this.targets.set(text, target);
    return target;
  }

  private pool(key: string, origin: string): Pool {
    const full = `${key} ${origin}`;
    const known = this.pools.get(full);
    if (known) return known;
    const pool = new Pool(origin, {
      connections: CONNECTIONS_PER_HOST,
      pipelining: 1,
      maxHeaderSize: 64 * 1024,
      connect: this.connector,
    });
    this.pools.set(full, pool);
    return pool;
  }
}

const NO_BODY = Buffer.alloc(0);

class Exchange implements Dispatcher.DispatchHandler {
  private readonly deadline: NodeJS.Timeout;
  private first: Buffer | null = null;
  /** Parts after the first; most answers have none. */
  private more: Buffer[] | null = null;
  private controller: Dispatcher.DispatchController | null = null;
  private status = 0;
  private headers: ResponseHeaders = {};
  private read = 0;
  private kept = 0;
  private settled = false;

  constructor(
    private readonly request: SendRequest,
    private readonly resolve: (result: SendResult) => void,
  ) {
    this.deadline = setTimeout(
      () =>
        this.stop({ kind: 'error', cause: 'timed_out', message: `no complete answer within ${request.timeout} ms` }),
      request.timeout,
    );
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    // Timed out while it waited for a connection: it must not go out any more.
    if (this.settled) controller.abort(new AppError('request_over', 'the request was given up'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    if (status < 200) return;
    this.status = status;
    this.headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.settled) return;
    this.read += chunk.byteLength;
    const room = this.request.keep - this.kept;
    if (room > 0) {
      // A copy: the parser reuses what it hands out.
      const part = Buffer.from(chunk.byteLength > room ? chunk.subarray(0, room) : chunk);
      if (this.first === null) this.first = part;
      else (this.more ??= []).push(part);
      this.kept += part.byteLength;
    }
    if (this.read > RESPONSE_READ) this.stop({ kind: 'response', status: this.status, headers: this.headers });
  }

  onResponseEnd(): void {
    this.settle({ kind: 'response', status: this.status, headers: this.headers });
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.settle(answerOf(error));
  }

  /** Ends the exchange from our side. */
  private stop(answer: Answer): void {
    this.settle(answer);
    this.controller?.abort(new AppError('request_over', 'the request was given up'));
  }

  private settle(answer: Answer): void {
    if (this.settled) return;
    this.settled = true;
    clearTimeout(this.deadline);
    this.resolve({ answer, body: this.body(), truncated: this.read > this.kept });
  }

  private body(): Buffer {
    if (this.first === null) return NO_BODY;
    return this.more === null ? this.first : Buffer.concat([this.first, ...this.more]);
  }
}

const CAUSES: Readonly<Record<string, TransportCause>> = {
  ECONNREFUSED: 'connect_refused',
  UND_ERR_CONNECT_TIMEOUT: 'connect_timed_out',
  ETIMEDOUT: 'connect_timed_out',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  UND_ERR_HEADERS_TIMEOUT: 'timed_out',
  UND_ERR_BODY_TIMEOUT: 'timed_out',
  UND_ERR_HEADERS_OVERFLOW: 'protocol_error',
  UND_ERR_INVALID_ARG: 'request_invalid',
  UND_ERR_NOT_SUPPORTED: 'request_invalid',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'request_invalid',
};
const DNS = /^(?:ENOTFOUND|EAI_\w+|ENODATA|ESERVFAIL|EFORMERR|ENOTIMP|EREFUSED|EBADNAME|EBADRESP|ETIMEOUT|ECANCELLED)$/;
const TLS =
  /^(?:CERT_\w+|ERR_TLS_\w+|ERR_SSL_\w+|EPROTO|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|HOSTNAME_MISMATCH)$/;

function answerOf(thrown: Error): Answer {
  const error = firstOf(thrown);
  const code = errorCode(error) ?? '';
  if (code === EGRESS_BLOCKED) return { kind: 'blocked', message: error.message };
  return {
    kind: 'error',
    cause: error.name === 'HTTPParserError' ? 'protocol_error' : causeOf(code),
    message: error.message || code || thrown.message,
  };
}

function causeOf(code: string): TransportCause {
  const known = CAUSES[code];
  if (known) return known;
  if (DNS.test(code)) return 'dns_failed';
  if (TLS.test(code)) return 'tls_failed';
  return 'reset';
}

/** Several addresses were tried at once: the guard's refusal first, else the first failure. */
function firstOf(error: Error): Error {
  if (!(error instanceof AggregateError) || error.errors.length === 0) return error;
  const errors = error.errors as Error[];
  return errors.find((one) => errorCode(one) === EGRESS_BLOCKED) ?? errors[0]!;
}

/** What the attempt's log says of the answer. */
export function describe(answer: Answer): string | null {
  switch (answer.kind) {
    case 'response':
      return null;
    case 'blocked':
      return `egress_blocked: ${answer.message}`;
    case 'error':
      return `${answer.cause}: ${answer.message}`;
    default:
      return unreachable(answer);
  }
}
