import { jest } from '@jest/globals';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApp, type AppOptions, type RunningApp } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

jest.setTimeout(300_000);

const apps: RunningApp[] = [];
const directories: string[] = [];
const databases: TestDatabase[] = [];

function dataDir(): string {
  const directory = mkdtempSync(join(tmpdir(), 'itinera-e2e-'));
  chmodSync(directory, 0o755);
  directories.push(directory);
  return directory;
}

async function run(options: AppOptions): Promise<RunningApp> {
  const app = await startApp(options);
  apps.push(app);
  return app;
}

async function external(): Promise<{ DATABASE_URL: string; ITINERA_DATA_DIR: string }> {
  const db = await openTestDatabase();
  databases.push(db);
  return { DATABASE_URL: db.url, ITINERA_DATA_DIR: dataDir() };
}

const status = async (url: string, key?: string): Promise<number> =>
  (await fetch(url, { headers: key === undefined ? {} : { authorization: `Bearer ${key}` } })).status;

afterEach(async () => {
  for (const app of apps.splice(0)) await app.stop();
  for (const db of databases.splice(0)) await db.close();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

describe('npm start', () => {
  it('brings up database, schema, key and doors; Ctrl-C takes everything down, once; the next start keeps the data', async () => {
    const directory = dataDir();
    const env = { ITINERA_DATA_DIR: directory };
    const first = await run({ env, command: ['npm', 'start'] });
    expect(first.rootKey).toMatch(/^itn_/);
    expect(await status(`${first.address}/healthz`)).toBe(200);
    expect(await status(`${first.address}/readyz`)).toBe(200);
    expect(await status(`${first.address}/api/journeys`, first.rootKey!)).toBe(200);
    expect(await status(`${first.address}/api/journeys`)).toBe(401);
    expect(statSync(join(directory, 'secret')).mode & 0o777).toBe(0o600);

    const closed = once(first.process, 'close');
    // What a terminal does: npm, its shell and the application all get the signal.
    process.kill(-first.process.pid!, 'SIGINT');
    const [code] = (await closed) as [number | null];
    expect(code).toBe(0);
    expect(first.output().match(/"msg":"stopping/g)).toHaveLength(1);
    expect(first.output()).toContain('"msg":"stopped"');
    expect(existsSync(join(directory, 'postgres/data/postmaster.pid'))).toBe(false);

    const key = first.rootKey!;
    const second = await run({ env });
    expect(second.rootKey).toBeNull();
    expect(await status(`${second.address}/api/journeys`, key)).toBe(200);
    expect(await second.stop('SIGTERM')).toBe(0);
  });

  it('uses DATABASE_URL and the given root key', async () => {
    const env = { ...(await external()), ITINERA_API_KEY: 'chosen-by-the-operator' };
    const app = await run({ env });
    expect(app.rootKey).toBeNull();
    expect(await status(`${app.address}/api/journeys`, env.ITINERA_API_KEY)).toBe(200);
    expect(existsSync(join(env.ITINERA_DATA_DIR, 'postgres'))).toBe(false);
    expect(await app.stop()).toBe(0);
  });

  it('as a worker has no doors but those for operating it, as api has them all', async () => {
    const env = { ...(await external()), ITINERA_API_KEY: 'chosen-by-the-operator' };
    const [worker, api] = await Promise.all([
      run({ env: { ...env, ITINERA_ROLE: 'worker' } }),
      run({ env: { ...env, ITINERA_ROLE: 'api' } }),
    ]);
    const seen = async ({ address }: RunningApp): Promise<number[]> =>
      Promise.all(
        ['/healthz', '/readyz', '/metrics', '/api/journeys'].map((path) => status(address + path, env.ITINERA_API_KEY)),
      );
    expect(await seen(worker)).toEqual([200, 200, 200, 404]);
    expect(await seen(api)).toEqual([200, 200, 200, 200]);
  });

  it.each([
    ['a wrong value', { ITINERA_ROLE: 'boss' }, 'ITINERA_ROLE must be all, api or worker'],
    ['an unknown name', { ITINERA_ROEL: 'api' }, 'ITINERA_ROEL is not a setting'],
    ['a database that is not there', { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' }, 'ECONNREFUSED'],
  ])('stops with a message at %s', async (_, env, message) => {
    await expect(
      startApp({ env: { ITINERA_DATA_DIR: dataDir(), ...(env as Record<string, string>) } }),
    ).rejects.toThrow(message);
  });

  it('stops with a message when the port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = String((server.address() as AddressInfo).port);
    await expect(startApp({ env: { ...(await external()), PORT: port } })).rejects.toThrow('EADDRINUSE');
    server.close();
  });
});

describe('the doors', () => {
  it('say what is wrong with a body, each in its own form', async () => {
    const app = await run({ env: { ...(await external()), ITINERA_API_KEY: 'chosen-by-the-operator' } });
    const post = async (
      path: string,
      body: string,
    ): Promise<{ status: number; type: string | null; body: unknown }> => {
      const response = await fetch(app.address + path, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', authorization: 'Bearer chosen-by-the-operator' },
      });
      return { status: response.status, type: response.headers.get('content-type'), body: await response.json() };
    };
    const problem = { status: 400, code: 'json_invalid', line: 2, column: 8 };
    expect(await post('/api/journeys', '{\n  "a": }')).toEqual({
      status: 400,
      type: expect.stringContaining('application/problem+json'),
      body: expect.objectContaining(problem),
    });
    expect(await post('/users/track', '{\n  "a": }')).toEqual({
      status: 400,
      type: expect.stringContaining('application/json'),
      body: { message: expect.stringContaining('line 2, column 8') },
    });
    const large = JSON.stringify({ text: 'x'.repeat(4 * 1024 * 1024) });
    expect(await post('/api/journeys', large)).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
    expect(await post('/users/track', large)).toMatchObject({ status: 413, body: { message: expect.any(String) } });
  });

  it('show metrics that Prometheus reads', async () => {
    const app = await run({ env: await external() });
    await fetch(`${app.address}/healthz`);
    const response = await fetch(`${app.address}/metrics`);
    const text = await response.text();
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(text).toMatch(/^itinera_http_request_seconds_count\{method="GET",route="\/healthz",status="200"\} 1$/m);
    expect(text).toMatch(/^itinera_backlog_age_seconds\{of="entries"\} 0$/m);
    const names = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(names.filter((line) => !line.startsWith('itinera_'))).toEqual([]);
  });

  it('log JSON, one object a line', async () => {
    const app = await run({ env: await external() });
    await app.stop();
    const lines = app
      .output()
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('Building'));
    expect(lines.map((line) => typeof (JSON.parse(line) as { msg: string }).msg)).toEqual(lines.map(() => 'string'));
  });
});
