/** (c) events a second over HTTP into the app as shipped, with 5 live journeys that events let profiles into. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Pool } from 'undici';
import { openWorkbench } from '../workbench.js';

const KEY = 'itn_bench_root_key_000000';
const PER_REQUEST = 75;
const PROFILES = 10_000;
/** One event name in twenty lets somebody in. */
const NAMES = 100;
const JOURNEYS = 5;
const CONNECTIONS = 32;

export async function ingest(url: string, events: number): Promise<{ perSecond: number; appMegabytes: number }> {
  const bench = await openWorkbench(url);
  for (let i = 0; i < JOURNEYS; i++) {
    await bench.launch({
      schema: 1,
      key: `live-${i}`,
      name: `Live ${i}`,
      entry: {
        trigger: {
          type: 'event',
          on: [{ event: `event-${i}`, where: { property: 'total', op: 'greater_than', value: 10 } }],
        },
      },
      start: 'wait',
      steps: { wait: { type: 'delay', for: 'P1D', next: 'end' }, end: { type: 'exit', reason: 'end' } },
    });
  }
  const app = await startApp(bench.options.connectionString!);
  const pool = new Pool(app.address, { connections: CONNECTIONS });
  const bodies = Array.from({ length: 200 }, makeBody);
  const post = async (body: string): Promise<void> => {
    const response = await pool.request({
      method: 'POST',
      path: '/users/track',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body,
    });
    const text = await response.body.text();
    if (response.statusCode !== 201) throw new Error(`users/track answered ${response.statusCode}: ${text}`);
  };
  const send = async (requests: number): Promise<void> => {
    let left = requests;
    const worker = async (): Promise<void> => {
      while (left-- > 0) await post(bodies[left % bodies.length]!);
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  };
  // Every body once: profiles exist, whoever may enter has entered.
  await send(bodies.length);
  const requests = Math.ceil(events / PER_REQUEST);
  const begun = performance.now();
  await send(requests);
  const seconds = (performance.now() - begun) / 1000;
  const appMegabytes = app.megabytes();
  await pool.close();
  await app.stop();
  await bench.close();
  return { perSecond: (requests * PER_REQUEST) / seconds, appMegabytes };
}

function makeBody(): string {
  const time = new Date().toISOString();
  return JSON.stringify({
    events: Array.from({ length: PER_REQUEST }, () => ({
      external_id: `user-${Math.floor(Math.random() * PROFILES)}`,
      name: `event-${Math.floor(Math.random() * NAMES)}`,
      time,
      properties: { total: Math.floor(Math.random() * 100), sku: 'SKU-1234', source: 'bench' },
    })),
  });
}

interface App {
  readonly address: string;
  megabytes(): number;
  stop(): Promise<void>;
}

async function startApp(databaseUrl: string): Promise<App> {
  const directory = mkdtempSync(join(tmpdir(), 'itinera-bench-app-'));
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, '../../src/main.js')], {
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      DATABASE_URL: databaseUrl,
      ITINERA_DATA_DIR: directory,
      ITINERA_API_KEY: KEY,
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const address = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const match = /"address":"([^"]+)"/.exec(line);
      if (match) resolve(match[1]!);
    });
    child.once('exit', (code) => reject(new Error(`the app ended with ${code}`)));
  });
  return {
    address,
    megabytes: () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
