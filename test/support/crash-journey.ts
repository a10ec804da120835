/** The journey of the crash tests, who goes through it, and what must hold afterwards, whatever was killed on the way. */
import type { OwnServer } from './own-server.js';
import { eventually, type App } from './shipped.js';
import type { Sink } from './sink.js';

const PER_REQUEST = 50;
const OPEN = `status not in ('delivered', 'failed', 'aborted', 'expired', 'cancelled')`;

export async function launchCrashJourney(api: App, sink: Sink): Promise<void> {
  const hook = (path: string, next: string | null): object => ({
    type: 'webhook',
    request: { method: 'POST', url: `${sink.origin}${path}`, body: { json: { user: '{{${user_id}}}', at: path } } },
    retry: {
      attempts: 20,
      initial: 'PT0.3S',
      factor: 1.5,
      max: 'PT2S',
      jitter: 0.2,
      within: 'PT10M',
      statuses: ['5xx'],
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
}

/** Whoever got no 201 has nothing stored, so that request is made again: the database may be away for a while. */
export async function trackStarted(api: App, users: number): Promise<void> {
  const requests: object[] = [];
  for (let from = 0; from < users; from += PER_REQUEST) {
    const ids = Array.from({ length: PER_REQUEST }, (_, i) => `user-${from + i}`);
    requests.push({
      events: ids.map((external_id) => ({ external_id, name: 'started', time: new Date().toISOString() })),
    });
  }
  const worker = async (): Promise<void> => {
    for (let request = requests.pop(); request; request = requests.pop()) {
      const sent = request;
      const send = (): Promise<number> =>
        api.call('POST', '/users/track', sent).then(
          ({ status }) => status,
          () => 0,
        );
      await eventually('a request is taken in', send, (status) => status === 201, 120);
    }
  };
  await Promise.all([worker(), worker()]);
}

/** Every entry is where it should be, no step was taken twice, no delivery is missing, repeats carry the same id and bytes. */
export async function expectNothingLostNothingTwice(
  server: OwnServer,
  sink: Sink,
  users: number,
  seconds: number,
): Promise<void> {
  await eventually(
    'every entry has completed',
    async () =>
      (
        await server.query<{ status: string; n: number }>(
          'select status, count(*)::int as n from entry group by status',
        )
      ).map(({ status, n }) => `${status} ${n}`),
    (counts) => counts.length === 1 && counts[0] === `completed ${users}`,
    seconds,
  );
  await eventually(
    'no delivery is open',
    async () => (await server.query<{ n: number }>(`select count(*)::int as n from delivery where ${OPEN}`))[0]!.n,
    (n) => n === 0,
  );

  const left = new Map<string, number>();
  for (const { entry_id, trail } of await server.query<{ entry_id: string; trail: string }>(
    'select entry_id, trail from visit',
  )) {
    for (const { step, what } of JSON.parse(trail) as { step: string; what: string }[]) {
      if (what === 'went') left.set(`${entry_id} ${step}`, (left.get(`${entry_id} ${step}`) ?? 0) + 1);
    }
  }
  expect(left.size).toBe(users * 6);
  expect([...left.values()].filter((times) => times !== 1)).toEqual([]);
  expect(await server.query(`select distinct custom -> 'passed' as passed from profile`)).toEqual([{ passed: 1 }]);

  const deliveries = await server.query(
    'select step, status, count(*)::int as n from delivery group by 1, 2 order by 1, 2',
  );
  expect(deliveries).toEqual(['first', 'second', 'third'].map((step) => ({ step, status: 'delivered', n: users })));
  const ids = new Map<string, Set<string>>();
  const accepted = new Map<string, Set<string>>();
  for (const { headers, body, path, status } of sink.received) {
    const id = String(headers['webhook-id']);
    ids.set(id, (ids.get(id) ?? new Set()).add(`${path} ${body}`));
    if (status === 200) accepted.set(body, (accepted.get(body) ?? new Set()).add(id));
  }
  expect(ids.size).toBe(users * 3);
  expect([...ids.values()].filter((bodies) => bodies.size !== 1)).toEqual([]);
  expect([...accepted.values()].filter((of) => of.size !== 1)).toEqual([]);
  expect(await server.query('select 1 from signal')).toEqual([]);
  expect(await server.query('select 1 from timer')).toEqual([]);
}
