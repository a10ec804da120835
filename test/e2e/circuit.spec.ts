/**
 * One host is dead with 20,000 deliveries queued, one is healthy. The dead host gets only probes, every healthy delivery
 * arrives, and when the dead host comes back its queue drains by itself.
 */
import { eventually, startShipped, type App } from '../support/shipped.js';
import { Sink } from '../support/sink.js';

const DEAD = 20_000;
const HEALTHY = 5_000;
const PROBES = 2;

interface Host {
  host: string;
  circuit: string;
  queued: number;
  oldest_due_at: string | null;
  retry_at: string | null;
}

describe('a host circuit', () => {
  let app: App;
  let sick: Sink;
  let well: Sink;

  beforeAll(async () => {
    [sick, well, app] = await Promise.all([Sink.open(() => ({ status: 503 })), Sink.open(), startShipped()]);
  }, 180_000);

  afterAll(async () => {
    await app.stop();
    await Promise.all([sick.close(), well.close()]);
  }, 60_000);

  const host = async (origin: string): Promise<Host> =>
    (await app.call<Host>('GET', `/api/hosts/${encodeURIComponent(origin)}`)).body;

  it('defers a dead host, costs a healthy one nothing, and recovers by itself', async () => {
    const set = await app.call('PATCH', `/api/hosts/${encodeURIComponent(sick.origin)}`, {
      circuit: { cool_down: 'PT1S', probes: PROBES },
    });
    expect(set.status).toBe(200);
    await launch('to-sick', 'sick', sick.origin);
    await launch('to-well', 'well', well.origin);

    await track('sick', DEAD);
    await eventually(
      'the circuit is open',
      () => host(sick.origin),
      ({ circuit }) => circuit === 'open',
    );
    // What was under way when it opened has come back by now, or will not add to what is counted from here.
    await eventually(
      'the dead host’s queue stands',
      () => host(sick.origin),
      ({ queued }) => queued >= DEAD,
    );
    const before = sick.received.length;
    // A batch or two at most went out before the failures were known.
    expect(before).toBeLessThan(3_000);

    const begun = Date.now();
    await track('well', HEALTHY);
    await well.until(() => well.accepted.length >= HEALTHY, 'every healthy delivery', 60);
    expect(well.acceptedIds.size).toBe(HEALTHY);
    const seconds = (Date.now() - begun) / 1000;
    // Cool-downs of 1 s, 2 s, 4 s …: at most one round of probes each.
    const rounds = Math.floor(Math.log2(seconds + 2)) + 2;
    expect(sick.received.length - before).toBeLessThanOrEqual(rounds * PROBES);
    expect(await host(well.origin)).toMatchObject({ circuit: 'closed' });

    sick.answerWith(() => ({}));
    await sick.until(() => sick.acceptedIds.size >= DEAD, 'the queue of the recovered host drains', 150);
    expect(
      await eventually(
        'the circuit is closed',
        () => host(sick.origin),
        ({ circuit, queued }) => circuit === 'closed' && queued === 0,
      ),
    ).toMatchObject({ oldest_due_at: null });
    const stats = await eventually(
      'everybody has completed',
      async () => (await app.call<{ totals: { completed: number } }>('GET', '/api/journeys/to-sick/stats')).body,
      ({ totals }) => totals.completed === DEAD,
    );
    expect(stats.totals).toMatchObject({ entered: DEAD, completed: DEAD, exited: 0 });
  }, 300_000);

  async function launch(key: string, event: string, origin: string): Promise<void> {
    const journey = {
      schema: 1,
      key,
      name: key,
      entry: { trigger: { type: 'event', on: [{ event }] } },
      start: 'send',
      steps: {
        send: {
          type: 'webhook',
          request: { method: 'POST', url: `${origin}/hook`, body: { json: { user: '{{${user_id}}}' } } },
          retry: {
            attempts: 20,
            initial: 'PT1S',
            factor: 1.5,
            max: 'PT5S',
            jitter: 0.2,
            within: 'PT1H',
            statuses: ['5xx'],
          },
          next: null,
        },
      },
    };
    expect((await app.call('POST', '/api/journeys', journey)).status).toBe(201);
    expect((await app.call('POST', `/api/journeys/${key}/launch`, {})).status).toBe(200);
  }

  async function track(event: string, users: number): Promise<void> {
    const requests: object[] = [];
    for (let from = 0; from < users; from += 75) {
      const ids = Array.from({ length: Math.min(75, users - from) }, (_, i) => `${event}-${from + i}`);
      requests.push({
        events: ids.map((external_id) => ({ external_id, name: event, time: new Date().toISOString() })),
      });
    }
    const worker = async (): Promise<void> => {
      for (let request = requests.pop(); request; request = requests.pop()) {
        expect((await app.call('POST', '/users/track', request)).status).toBe(201);
      }
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
  }
});
