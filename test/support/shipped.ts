/** The application as shipped, with a data directory of its own, and a client that holds its root key. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { startApp } from './app.js';

export const API_KEY = 'itn_test_root_key_of_the_shipped_app';

export interface App {
  readonly address: string;
  call<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<{ status: number; body: T }>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** kill -9 of the process and whatever it has started in its group. */
  kill(): Promise<void>;
}

/** Webhooks may go to loopback; `env` is over that. */
export async function startShipped(env: Readonly<Record<string, string>> = {}): Promise<App> {
  const directory = mkdtempSync(join(tmpdir(), 'itinera-app-'));
  chmodSync(directory, 0o755);
  const app = await startApp({
    env: { ITINERA_DATA_DIR: directory, ITINERA_API_KEY: API_KEY, ITINERA_EGRESS_ALLOW: '127.0.0.0/8', ...env },
  });
  return {
    address: app.address,
    call: (method, path, body) => call(app.address + path, method, body),
    async stop() {
      const code = await app.stop();
      rmSync(directory, { recursive: true, force: true });
      return code;
    },
    async kill() {
      const { exitCode, signalCode } = app.process;
      if (exitCode !== null || signalCode !== null) {
        throw new Error(`it had ended by itself with ${exitCode ?? signalCode}:\n${app.output().slice(-4000)}`);
      }
      const closed = once(app.process, 'close');
      process.kill(-app.process.pid!, 'SIGKILL');
      await closed;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function call<T>(url: string, method: string, body: unknown): Promise<{ status: number; body: T }> {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${API_KEY}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as T };
}

/** Polls a call of the app until its answer is right: for states that nothing announces to the outside. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T>,
  right: (value: T) => boolean,
  seconds = 60,
): Promise<T> {
  const limit = Date.now() + seconds * 1000;
  for (;;) {
    const value = await look();
    if (right(value)) return value;
    if (Date.now() > limit)
      throw new Error(`not within ${seconds} s: ${what}; last: ${JSON.stringify(value).slice(0, 2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
