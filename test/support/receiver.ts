/** A real HTTP server that webhooks are sent to. The first part of the path chooses what it does. */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Received {
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Answerer = (request: Received, response: ServerResponse, socket: Socket) => void;

export class Receiver {
  readonly received: Received[] = [];
  /** Requests that have arrived and are not answered. */
  open = 0;
  mostOpen = 0;
  private waiting: { count: number; resolve: () => void }[] = [];

  private constructor(
    private readonly server: Server,
    readonly origin: string,
  ) {}

  static async start(answer: Answerer = (_request, response) => response.end('{}'), keep = true): Promise<Receiver> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      const at = Date.now();
      receiver.open++;
      receiver.mostOpen = Math.max(receiver.mostOpen, receiver.open);
      response.on('close', () => receiver.open--);
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const received: Received = {
          at,
          method: request.method ?? '',
          path: request.url ?? '',
          headers: request.headers,
          body: keep ? Buffer.concat(chunks).toString('utf8') : '',
        };
        receiver.received.push(received);
        answer(received, response, request.socket);
        receiver.tell();
      });
    });
    server.keepAliveTimeout = 30_000;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const receiver = new Receiver(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return receiver;
  }

  /** Resolves when so many requests have come in all. */
  async count(count: number): Promise<void> {
    if (this.received.length >= count) return;
    await new Promise<void>((resolve) => this.waiting.push({ count, resolve }));
  }

  private tell(): void {
    for (const waiter of this.waiting) if (this.received.length >= waiter.count) waiter.resolve();
    this.waiting = this.waiting.filter(({ count }) => this.received.length < count);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
