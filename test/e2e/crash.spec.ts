/**
 * The crash test: two workers, one killed with kill -9 in mid-run, and the database restarted once. Afterwards every
 * entry is where it should be, no step was taken twice, no delivery is missing, and repeats carry the same `webhook-id`
 * and the same bytes.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { prepareHome, SOCKET_PORT } from '../../src/persistence/postgres-files.js';
import { PostgresServer, SUPERUSER, tunedSettings } from '../../src/persistence/postgres-server.js';
import { eventually, startShipped, type App } from '../support/shipped.js';
import { Sink } from '../support/sink.js';

const USERS = 4_000;

describe('a crash', () => {
  let directory: string;
  let server: PostgresServer;
  let url: string;
  let api: App;
  let workers: App[];
  let sink: Sink;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'itinera-crash-'));
    chmodSync(directory, 0o755);
    const files = prepareHome(directory);
    server = new PostgresServer(files, { ...tunedSettings(), shared_buffers: '128MB' });
    await server.initialise();
    url = `postgresql://${SUPERUSER}@localhost/postgres?host=${encodeURIComponent(files.socket)}&port=${SOCKET_PORT}`;
    await startDatabase();
    sink = await Sink.open(({ path, repeat }) =>
      path === '/first' && repeat === 0 && Math.random() < 0.05 ? { status: 503 } : {},
    );
    // The role that migrates first, then the others.
    api = await startShipped({ DATABASE_URL: url, ITINERA_ROLE: 'api' });
    workers = await Promise.all([1, 2].map(() => startShipped({ DATABASE_URL: url, ITINERA_ROLE: 'worker' })));
  }, 180_000);

  afterAll(async () => {
    await Promise.all([api, ...workers].map((app) => app.stop()));
    await sink.close();
    const pid = server.runningPid();
    if (pid !== null) await server.stop(pid);
    rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  it('loses nothing and does nothing twice', async () => {
    const hook = (path: string, next: string | null): object => ({
      type: 'webhook',
      request: { method: 'POST', url: `${sink.origin}${path}`, body: { json: { user: '{{${user_id}}}', at: path } } },
      retry: {
        attempts: 10,
        initial: 'PT0.3S',
        factor: 1.5,
        max: 'PT2S',
        jitter: 0.2,
        within: 'PT5M',
        statuses: [408, 429, '5xx'],
      },
      timeout: 'PT3S',
      next,
    });
    const journey = {
      schema: 1,
      key: 'crash',
      name: 'Crash',
      entry: { trigger: { type: 'event', on: [{ event: 'started' }] } },
      start: 'first',
      steps: {
        first: hook('/first', 'wait'),
        wait: { type: 'delay', for: 'PT2S', next: 'note' },
        note: { type: 'user_update', increment: { passed: 1 }, next: 'second' },
        second: hook('/second', 'pause'),
        pause: { type: 'delay', for: 'PT1S', next: 'third' },
        third: hook('/third', null),
      },
    };
    expect((await api.call('POST', '/api/journeys', journey)).status).toBe(201);
    expect((await api.call('POST', '/api/journeys/crash/launch', {})).status).toBe(200);

    const tracked = trackAll(api);
    await sink.until(() => sink.received.length > USERS / 4, 'the run is under way', 90);
    await workers[0]!.kill();
    await sink.until(() => sink.received.length > USERS, 'the other worker goes on', 90);
    await server.stop(server.runningPid()!);
    await startDatabase();
    workers[0] = await startShipped({ DATABASE_URL: url, ITINERA_ROLE: 'worker' });
    await tracked;

    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      const query = async <T extends object>(sql: string): Promise<T[]> => (await client.query<T>(sql)).rows;
      const open = async (): Promise<number> =>
        (
          await query<{ n: number }>(
            `select count(*)::int as n from delivery where status not in ('delivered', 'failed', 'aborted', 'expired', 'cancelled')`,
          )
        )[0]!.n;
      await eventually(
        'every entry has completed',
        async () =>
          (
            await query<{ status: string; n: number }>('select status, count(*)::int as n from entry group by status')
          ).map(({ status, n }) => `${status} ${n}`),
        (counts) => counts.length === 1 && counts[0] === `completed ${USERS}`,
        180,
      );
      await eventually('no delivery is open', open, (n) => n === 0, 60);

      // No step was taken twice: each entry's timeline leaves each step once, and the profile was written once.
      const visits = await query<{ entry_id: string; trail: string }>('select entry_id, trail from visit');
      const left = new Map<string, number>();
      for (const { entry_id, trail } of visits) {
        for (const { step, what } of JSON.parse(trail) as { step: string; what: string }[]) {
          if (what === 'went') left.set(`${entry_id} ${step}`, (left.get(`${entry_id} ${step}`) ?? 0) + 1);
        }
      }
      expect(left.size).toBe(USERS * 6);
      expect([...left.values()].every((times) => times === 1)).toBe(true);
      expect(await query(`select distinct custom -> 'passed' as passed from profile`)).toEqual([{ passed: 1 }]);

      // No delivery is missing, and each was delivered.
      const deliveries = await query<{ step: string; status: string; n: number }>(
        'select step, status, count(*)::int as n from delivery group by 1, 2 order by 1, 2',
      );
      expect(deliveries).toEqual(['first', 'second', 'third'].map((step) => ({ step, status: 'delivered', n: USERS })));
      const ids = new Map<string, Set<string>>();
      for (const { headers, body, path } of sink.received) {
        const id = String(headers['webhook-id']);
        ids.set(id, (ids.get(id) ?? new Set()).add(`${path} ${body}`));
      }
      expect(ids.size).toBe(USERS * 3);
      expect([...ids.values()].every((bodies) => bodies.size === 1)).toBe(true);
      const users = new Map<string, Set<string>>();
      for (const { body, headers } of sink.accepted)
        users.set(body, (users.get(body) ?? new Set()).add(String(headers['webhook-id'])));
      expect([...users.values()].every((of) => of.size === 1)).toBe(true);
    } finally {
      await client.end();
    }
  }, 420_000);

  async function startDatabase(): Promise<void> {
    server.spawn();
    for (let tries = 0; ; tries++) {
      const client = new pg.Client({ connectionString: url });
      try {
        await client.connect();
        await client.end();
        return;
      } catch (error) {
        if (tries > 400) throw error;
        await pause(50);
      }
    }
  }
});

/** Whoever got no 201 has nothing stored, so that request is made again: the database is away for a while. */
async function trackAll(api: App): Promise<void> {
  const requests: object[] = [];
  for (let from = 0; from < USERS; from += 50) {
    const ids = Array.from({ length: 50 }, (_, i) => `user-${from + i}`);
    requests.push({
      events: ids.map((external_id) => ({ external_id, name: 'started', time: new Date().toISOString() })),
    });
  }
  const worker = async (): Promise<void> => {
    for (let request = requests.pop(); request; request = requests.pop()) {
      const sent = request;
      await eventually(
        'a request is taken in',
        () =>
          api.call('POST', '/users/track', sent).then(
            ({ status }) => status,
            () => 0,
          ),
        (status) => status === 201,
        120,
      );
    }
  };
  await Promise.all([worker(), worker()]);
}
