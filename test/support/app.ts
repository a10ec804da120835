/** The application as shipped, in a process of its own: `scripts/start.mjs`, which builds first when the build is stale. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const START = fileURLToPath(new URL('../../scripts/start.mjs', import.meta.url));

const STOP_LIMIT_MS = 60_000;

export interface RunningApp {
  /** `http://HOST:PORT` */
  readonly address: string;
  /** The generated root key, at a first start without `ITINERA_API_KEY`. */
  readonly rootKey: string | null;
  readonly process: ChildProcess;
  /** Everything it has written so far. */
  output(): string;
  /** Sends the signal and resolves with the exit code (`null`: ended by a signal) when it has ended. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface AppOptions {
  /** Settings. `PORT` is any free one unless it is given; nothing is inherited but what Node needs. */
  readonly env?: Readonly<Record<string, string>>;
  /** Instead of `node scripts/start.mjs`. */
  readonly command?: readonly [string, ...string[]];
}

/** Starts the application and resolves when it listens; throws with its output when it ends instead. */
export async function startApp({
  env = {},
  command = [process.execPath, START],
}: AppOptions = {}): Promise<RunningApp> {
  const { PATH = '', HOME = '/tmp' } = process.env;
  // A group of its own, so that a test can do what a terminal does: signal the whole group.
  const child = spawn(command[0], command.slice(1), {
    env: { PATH, HOME, PORT: '0', ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const listening = new Promise<string>((resolve) => {
    const take = (chunk: Buffer): void => {
      output += chunk.toString();
      const address = /"address":"([^"]+)"/.exec(output)?.[1];
      if (address !== undefined) resolve(address);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
  });
  const ended = once(child, 'close').then(([code]) =>
    Promise.reject(new Error(`it ended with ${String(code)}:\n${output}`)),
  );
  const address = await Promise.race([listening, ended]);
  ended.catch(() => undefined);
  return {
    address,
    get rootKey() {
      return /"api_key":"([^"]+)"/.exec(output)?.[1] ?? null;
    },
    process: child,
    output: () => output,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const closed = once(child, 'close') as Promise<[number | null]>;
      child.kill(signal);
      // One that does not end must not outlive the test, nor its children.
      const limit = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), STOP_LIMIT_MS);
      const [code] = await closed;
      clearTimeout(limit);
      return code;
    },
  };
}
