import { DeliveriesService } from '../../src/delivery/deliveries.service.js';
import { HostsService } from '../../src/delivery/hosts.service.js';
import { JourneyCatalog } from '../../src/journeys/catalog.js';
import { systemClock } from '../../src/kernel/clock.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { addJourney, addWorkspace, enqueue, startWorker, until, type Worker } from '../support/delivery.js';
import { Receiver, type Answerer } from '../support/receiver.js';

describe('hosts', () => {
  let db: TestDatabase;
  let workspace: number;
  let hosts: HostsService;
  let deliveries: DeliveriesService;
  let workers: Worker[] = [];
  let receivers: Receiver[] = [];

  beforeAll(async () => {
    db = await openTestDatabase();
    workspace = await addWorkspace(db.database);
    hosts = new HostsService(db.database, systemClock);
    deliveries = new DeliveriesService(db.database, new JourneyCatalog(), systemClock, 'Itinera/test');
  });
  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await Promise.all(receivers.map((receiver) => receiver.close()));
    for (const worker of workers) expect(worker.errors).toEqual([]);
    [workers, receivers] = [[], []];
    await db.database.query(
      `update delivery set status = 'cancelled', due_at = null where status in ('due', 'retry', 'sending')`,
    );
  });
  afterAll(() => db.close());

  function work(): Worker {
    const worker = startWorker(db.database);
    workers.push(worker);
    return worker;
  }
  async function receive(answer?: Answerer): Promise<Receiver> {
    const receiver = await Receiver.start(answer);
    receivers.push(receiver);
    return receiver;
  }
  const journeyTo = (origin: string, over: object = {}): Promise<string> =>
    addJourney(db.database, workspace, {
      request: {
        method: 'POST',
        url: `${origin}/hook`,
        headers: { Authorization: 'Bearer s3cret' },
        body: { raw: 'x' },
      },
      retry: { initial: 'PT0.2S', max: 'PT0.2S', factor: 1, attempts: 50, jitter: 0 },
      ...over,
    });
  const delivered = async (journey: string): Promise<number> =>
    (
      await db.database.query<{ n: number }>(
        `select count(*)::integer as n from delivery where journey_id = $1 and status = 'delivered'`,
        [journey],
      )
    )[0]!.n;

  it('a dead host with thousands queued gets only its probes, costs a healthy one nothing, and recovers by itself', async () => {
    let isDead = true;
    const sick = await receive((_request, response) => response.writeHead(isDead ? 503 : 200).end());
    const healthy = await receive();
    await hosts.patch(workspace, sick.origin, { circuit: { cool_down: 'PT1S' } });
    const toSick = await journeyTo(sick.origin);
    const toHealthy = await journeyTo(healthy.origin);
    await enqueue(db.database, workspace, toSick, sick.origin, 3000);
    const worker = work();
    await until(
      () => Promise.resolve(worker.transitions),
      (all) => all.some(({ to }) => to === 'open'),
    );
    // What was under way when it opened comes to an end; what only waited goes back.
    await until(
      () => Promise.resolve(worker.loop.holding),
      (holding) => holding === 0,
    );
    const before = sick.received.length;
    expect(before).toBeLessThan(500);

    await enqueue(db.database, workspace, toHealthy, healthy.origin, 500);
    await until(
      () => delivered(toHealthy),
      (n) => n === 500,
    );
    const probesBefore = worker.transitions.filter(({ to }) => to === 'half_open' || to === 'open').length;
    await until(
      () => Promise.resolve(worker.transitions),
      (all) => all.filter(({ to, from }) => from === 'half_open' && to === 'open').length >= 1,
    );
    expect(sick.received.length - before).toBeLessThanOrEqual(5 * Math.max(2, probesBefore));

    const held = await deliveries.list(workspace, { host: sick.origin, status: 'held' }, { cursor: null, limit: 1 });
    expect(held.items[0]).toMatchObject({ status: 'held', reason: 'circuit_open', response_status: 598 });
    const shown = await hosts.show(workspace, sick.origin);
    expect(shown).toMatchObject({ paused: false, settings: { circuit: { cool_down: 'PT1S' } } });
    expect(shown.queued).toBeGreaterThan(2400);
    expect(shown.retry_at).not.toBeNull();

    isDead = false;
    await until(
      () => delivered(toSick),
      (n) => n === 3000,
    );
    expect(worker.transitions.at(-1)).toMatchObject({ origin: sick.origin, to: 'closed' });
    // Nothing was spent while the circuit was open: every delivery made it.
    const rows = await db.database.query<{ status: string }>(
      'select distinct status from delivery where journey_id = $1',
      [toSick],
    );
    expect(rows).toEqual([{ status: 'delivered' }]);
  });

  it('a slow host does not hold up another', async () => {
    const held: (() => void)[] = [];
    const slow = await receive((_request, response) => held.push(() => response.end()));
    const quick = await receive();
    const toSlow = await journeyTo(slow.origin);
    const toQuick = await journeyTo(quick.origin);
    await enqueue(db.database, workspace, toSlow, slow.origin, 1000);
    work();
    await slow.count(64);
    await enqueue(db.database, workspace, toQuick, quick.origin, 1000);
    await until(
      () => delivered(toQuick),
      (n) => n === 1000,
    );
    expect(await delivered(toSlow)).toBe(0);
    const [row] = await db.database.query<{ n: number }>(
      `select count(*)::integer as n from delivery where journey_id = $1 and status = 'sending'`,
      [toSlow],
    );
    expect(row!.n).toBeLessThanOrEqual(128);
    const release = setInterval(() => held.splice(0).forEach((answer) => answer()), 5);
    await until(
      () => delivered(toSlow),
      (n) => n === 1000,
    );
    clearInterval(release);
  });

  const soon = (ms: number): string => new Date(Math.ceil((Date.now() + ms) / 1000) * 1000).toUTCString();
  it.each<[string, () => Record<string, string>]>([
    ['Retry-After in seconds', () => ({ 'Retry-After': '2' })],
    ['Retry-After as a date', () => ({ 'Retry-After': soon(2000) })],
    [
      'X-RateLimit-*, epoch seconds',
      () => ({
        'X-RateLimit-Limit': '1',
        'X-RateLimit-Remaining': '0',
        'X-RateLimit-Reset': String(Math.ceil(Date.now() / 1000) + 2),
      }),
    ],
    [
      'X-Rate-Limit-*, epoch milliseconds',
      () => ({
        'X-Rate-Limit-Limit': '1',
        'X-Rate-Limit-Remaining': '0',
        'X-Rate-Limit-Reset': String(Date.now() + 2000),
      }),
    ],
    [
      'RateLimit-*, delta seconds',
      () => ({ 'RateLimit-Limit': '1', 'RateLimit-Remaining': '0', 'RateLimit-Reset': '2' }),
    ],
    [
      'RateLimit and RateLimit-Policy',
      () => ({ 'RateLimit-Policy': '"a";q=1;w=60,"b";q=9;w=9', RateLimit: '"a";r=0;t=2,"b";r=8;t=9' }),
    ],
  ])('429 with %s: the host takes nothing before then', async (_name, headers) => {
    let limited = 0;
    const receiver = await receive((_request, response) => {
      if (limited > 0) return response.end();
      limited = Date.now();
      return response.writeHead(429, headers()).end();
    });
    const journey = await journeyTo(receiver.origin);
    await enqueue(db.database, workspace, journey, receiver.origin, 1);
    const worker = work();
    await worker.attempts(1);
    await enqueue(db.database, workspace, journey, receiver.origin, 1);
    expect((await hosts.show(workspace, receiver.origin)).rate?.blocked_until).not.toBeNull();
    const { items } = await deliveries.list(workspace, { journey }, { cursor: null, limit: 10 });
    expect(items.map(({ status }) => status).sort()).toEqual(['held', 'retry']);
    await worker.attempts(3);
    expect(receiver.received).toHaveLength(3);
    // The wait as the header says it, rounded to the second where it is.
    expect(Math.min(...receiver.received.slice(1).map(({ at }) => at)) - limited).toBeGreaterThanOrEqual(1000);
    expect(await delivered(journey)).toBe(2);
  });

  it('on success too: the rest of a window is spread, and at Remaining 0 the host waits', async () => {
    const reset = Date.now() + 4000;
    let left = 20;
    const receiver = await receive((_request, response) => {
      left = Math.max(0, left - 1);
      const open = Date.now() < reset;
      response
        .writeHead(
          200,
          open
            ? { 'X-RateLimit-Limit': '20', 'X-RateLimit-Remaining': String(left), 'X-RateLimit-Reset': String(reset) }
            : {},
        )
        .end();
    });
    const journey = await journeyTo(receiver.origin);
    await enqueue(db.database, workspace, journey, receiver.origin, 1);
    const worker = work();
    await worker.attempts(1);
    await enqueue(db.database, workspace, journey, receiver.origin, 60);
    await until(
      () => delivered(journey),
      (n) => n === 61,
    );
    expect(receiver.received.filter(({ at }) => at < reset).length).toBeLessThanOrEqual(20);
  });

  it('a configured rate holds over two workers', async () => {
    const receiver = await receive();
    await hosts.patch(workspace, receiver.origin, { per_second: 50 });
    const journey = await journeyTo(receiver.origin);
    await enqueue(db.database, workspace, journey, receiver.origin, 120);
    work();
    work();
    await until(
      () => delivered(journey),
      (n) => n === 120,
    );
    const times = receiver.received.map(({ at }) => at).sort((a, b) => a - b);
    for (let i = 0; i + 60 < times.length; i++) expect(times[i + 60]! - times[i]!).toBeGreaterThan(900);
  });

  it('a configured concurrency holds over two workers', async () => {
    const receiver = await receive((_request, response) => setTimeout(() => response.end(), 5));
    await hosts.patch(workspace, receiver.origin, { concurrency: 3 });
    const journey = await journeyTo(receiver.origin);
    await enqueue(db.database, workspace, journey, receiver.origin, 100);
    work();
    work();
    await until(
      () => delivered(journey),
      (n) => n === 100,
    );
    expect(receiver.mostOpen).toBeLessThanOrEqual(3);
  });

  it('pause holds, resume lets go, reset closes', async () => {
    const receiver = await receive();
    const journey = await journeyTo(receiver.origin);
    await enqueue(db.database, workspace, journey, receiver.origin, 2);
    expect(await hosts.pause(workspace, receiver.origin, 'me')).toMatchObject({
      paused: true,
      queued: 2,
      circuit: 'closed',
    });
    const other = await receive();
    const toOther = await journeyTo(other.origin);
    await enqueue(db.database, workspace, toOther, other.origin, 1);
    work();
    await until(
      () => delivered(toOther),
      (n) => n === 1,
    );
    const { items } = await deliveries.list(workspace, { journey, status: 'held' }, { cursor: null, limit: 10 });
    expect(items).toMatchObject(Array(2).fill({ status: 'held', reason: 'paused', next_attempt_at: null }));
    expect(receiver.received).toEqual([]);
    await hosts.resume(workspace, receiver.origin, 'me');
    await until(
      () => delivered(journey),
      (n) => n === 2,
    );
    expect(await hosts.reset(workspace, receiver.origin, 'me')).toMatchObject({
      circuit: 'closed',
      failures: 0,
      requests: 0,
      rate: null,
      paused: false,
    });
    const acts = await db.database.query('select actor, action from audit where subject = $1 order by id', [
      receiver.origin,
    ]);
    expect(acts).toEqual(['host.pause', 'host.resume', 'host.reset'].map((action) => ({ actor: 'me', action })));
  });

  it('shows hosts page by page, and knows none that was never seen', async () => {
    const fresh = await addWorkspace(db.database);
    for (const name of ['a', 'b', 'c']) await hosts.patch(fresh, `https://${name}.example`, { concurrency: 1 });
    const first = await hosts.list(fresh, { cursor: null, limit: 2 });
    expect(first.items.map(({ host }) => host)).toEqual(['https://a.example', 'https://b.example']);
    const second = await hosts.list(fresh, { cursor: first.next_cursor, limit: 2 });
    expect(second).toMatchObject({
      items: [{ host: 'https://c.example', queued: 0, oldest_due_at: null, rate: null }],
      next_cursor: null,
    });
    await expect(hosts.pause(fresh, 'https://x.example')).rejects.toMatchObject({ code: 'host_unknown' });
  });
});
