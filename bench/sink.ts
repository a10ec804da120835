/** A receiver in a process of its own, so that it does not take from the sender's event loop. */
import { fork, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

export interface BenchSink {
  readonly origin: string;
  /** Requests answered so far. */
  served(): Promise<number>;
  stop(): void;
}

/** `status`: what it answers with. */
export async function openSink(status = 200): Promise<BenchSink> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), ['sink', String(status)]);
  const port = await new Promise<number>((resolve) => child.once('message', (message) => resolve(message as number)));
  return {
    origin: `http://127.0.0.1:${port}`,
    served: () =>
      new Promise((resolve) => {
        child.once('message', (message) => resolve(message as number));
        child.send('served');
      }),
    stop: () => child.kill(),
  };
}

if (process.argv[2] === 'sink' && process.send) {
  const status = Number(process.argv[3]);
  let served = 0;
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      served++;
      response.statusCode = status;
      response.end('{"ok":true}');
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', 1024, () => process.send?.((server.address() as AddressInfo).port));
  process.on('message', () => process.send?.(served));
}
