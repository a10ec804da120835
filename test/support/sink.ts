/**
 * A receiver of webhooks: a real HTTP server that remembers what it was sent and answers as told. Waiting is on what
 * arrives, never on time.
 */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** How many requests with this `webhook-id` came before. */
  readonly repeat: number;
  /** What was answered; 0 = the connection was reset. */
  status: number;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Drop the connection without an answer. */
  readonly reset?: boolean;
  /** Answer when this resolves. */
  readonly after?: Promise<void>;
}

export class Sink {
  readonly received: Received[] = [];
  /** Answered with 2xx. */
  readonly accepted: Received[] = [];
  /** Their `webhook-id`s, each once. */
  readonly acceptedIds = new Set<string>();
  private readonly repeats = new Map<string, number>();
  private waiters: { readonly done: () => boolean; readonly resolve: () => void }[] = [];

  private constructor(
    private readonly server: ReturnType<typeof createServer>,
    private answer: (request: Received) => Answer,
  ) {}

  static async open(answer: (request: Received) => Answer = () => ({})): Promise<Sink> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    const sink = new Sink(server, answer);
    server.on('request', (request, response) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => (body += chunk));
      request.on('end', () => void sink.take(request.method ?? '', request.url ?? '', request.headers, body, response));
      request.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 1024, resolve));
    return sink;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** From now on. */
  answerWith(answer: (request: Received) => Answer): void {
    this.answer = answer;
  }

  /** Resolves when `done` (asked after every request, so it must be quick) holds; rejects after `seconds` with what there is. */
  until(done: () => boolean, what: string, seconds = 60): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(
          new Error(
            `not within ${seconds} s: ${what}; ${this.received.length} requests, ${this.accepted.length} accepted`,
          ),
        );
      }, seconds * 1000);
      const waiter = {
        done,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      this.waiters.push(waiter);
    });
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(
    method: string,
    path: string,
    headers: IncomingHttpHeaders,
    body: string,
    response: ServerResponse,
  ): Promise<void> {
    const id = String(headers['webhook-id'] ?? '');
    const repeat = this.repeats.get(id) ?? 0;
    this.repeats.set(id, repeat + 1);
    const request: Received = { at: Date.now(), method, path, headers, body, repeat, status: 0 };
    const answer = this.answer(request);
    this.received.push(request);
    await answer.after;
    if (answer.reset) response.socket?.resetAndDestroy();
    else {
      request.status = answer.status ?? 200;
      response.writeHead(request.status, { 'content-type': 'application/json', ...answer.headers });
      response.end(answer.body ?? '{}');
      if (request.status >= 200 && request.status < 300) {
        this.accepted.push(request);
        this.acceptedIds.add(id);
      }
    }
    const ready = this.waiters.filter((waiter) => waiter.done());
    this.waiters = this.waiters.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) resolve();
  }
}
