import { DeliveriesService } from '../../src/delivery/deliveries.service.js';
import { JourneyCatalog } from '../../src/journeys/catalog.js';
import { systemClock } from '../../src/kernel/clock.js';
import { laneOf } from '../../src/kernel/lanes.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { addJourney, addWorkspace, enqueue, startWorker, until, type Worker } from '../support/delivery.js';
import { Receiver, type Answerer } from '../support/receiver.js';

describe('deliveries for operators', () => {
  let db: TestDatabase;
  let workspace: number;
  let deliveries: DeliveriesService;
  let workers: Worker[] = [];
  let receivers: Receiver[] = [];

  beforeAll(async () => {
    db = await openTestDatabase();
    workspace = await addWorkspace(db.database);
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

  it('are listed newest first, filtered, page by page', async () => {
    const receiver = await receive();
    const journey = await journeyTo(receiver.origin);
    const [old] = await enqueue(db.database, workspace, journey, receiver.origin, 1);
    const later = new Date(Date.now() + 2);
    await until(
      () => Promise.resolve(Date.now()),
      (now) => now > later.getTime(),
    );
    const [young] = await enqueue(db.database, workspace, journey, receiver.origin, 1);
    const list = async (filter: object) =>
      (await deliveries.list(workspace, { journey, ...filter }, { cursor: null, limit: 10 })).items.map(({ id }) => id);
    expect(await list({})).toEqual([young!.id, old!.id]);
    expect(await list({ from: later })).toEqual([young!.id]);
    expect(await list({ to: later })).toEqual([old!.id]);
    expect(await list({ entry_id: old!.entryId })).toEqual([old!.id]);
    await db.database.query(
      `insert into identity (lane, workspace, kind, value, profile_lane, profile_id)
       select $3, $2, 'external_id', 'listed', lane, profile_id from entry where id = $1`,
      [old!.entryId, workspace, laneOf('external_id', 'listed')],
    );
    expect(await list({ external_id: 'listed' })).toEqual([old!.id]);
    expect(await list({ step: 'other' })).toEqual([]);
    expect(await list({ status: 'delivered' })).toEqual([]);
    expect(await list({ host: 'https://never.example' })).toEqual([]);
    expect(await list({ external_id: 'nobody' })).toEqual([]);
    const page = await deliveries.list(workspace, { journey }, { cursor: null, limit: 1 });
    expect(page.next_cursor).toBe(young!.id);
    expect((await deliveries.list(workspace, { journey }, { cursor: page.next_cursor, limit: 1 })).items[0]!.id).toBe(
      old!.id,
    );
    expect(page.items[0]).toMatchObject({
      step: 'hook',
      external_id: 'user-1',
      host: receiver.origin,
      status: 'due',
      attempts: 0,
      method: null,
    });
    await expect(deliveries.list(workspace, {}, { cursor: 'x', limit: 1 })).rejects.toMatchObject({
      code: 'cursor_invalid',
    });
    await expect(deliveries.list(workspace, { journey: 'no' }, { cursor: null, limit: 1 })).rejects.toMatchObject({
      code: 'journey_unknown',
    });
  });

  it('show request and attempts without secrets, are retried with a fresh budget, same id and bytes', async () => {
    let status = 400;
    const receiver = await receive((_request, response) =>
      response.writeHead(status, { 'Set-Cookie': 'sid=1', 'X-Trace': 't' }).end('why'),
    );
    const journey = await journeyTo(receiver.origin, { advance: 'result' });
    const [queued] = await enqueue(db.database, workspace, journey, receiver.origin, 1);
    const worker = work();
    await worker.attempts(1);
    const shown = await deliveries.show(workspace, queued!.id);
    expect(shown).toMatchObject({
      status: 'failed',
      reason: 'http_400',
      next_attempt_at: null,
      response_status: 400,
      request: { method: 'POST', url: `${receiver.origin}/hook`, body: 'x', headers: { 'webhook-id': queued!.id } },
      attempt_log: [{ number: 1, status: 400, error: null, response: { body: 'why', headers: { 'x-trace': 't' } } }],
    });
    expect(JSON.stringify(shown)).not.toMatch(/s3cret|sid=1/);

    status = 200;
    expect(await deliveries.retry(workspace, queued!.id, 'me')).toMatchObject({ attempts: 1, finished_at: null });
    await worker.attempts(2);
    expect(await deliveries.show(workspace, queued!.id)).toMatchObject({ status: 'delivered', attempts: 2 });
    const signals = await db.database.query<{ body: object }>(
      'select body from signal where entry_id = $1 order by id',
      [queued!.entryId],
    );
    expect(signals.map(({ body }) => body)).toMatchObject([{ outcome: 'failed' }, { outcome: 'delivered' }]);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    await expect(deliveries.show(workspace + 1, queued!.id)).rejects.toMatchObject({ code: 'delivery_unknown' });
  });

  it('are retried in bulk by filter, at a rate', async () => {
    let status = 400;
    const receiver = await receive((_request, response) => response.writeHead(status).end());
    const journey = await journeyTo(receiver.origin);
    await enqueue(db.database, workspace, journey, receiver.origin, 30);
    const worker = work();
    await worker.attempts(30);
    status = 200;
    const asked = Date.now();
    expect(await deliveries.retryMany(workspace, { journey }, { rate: 20 })).toEqual({ retried: 30 });
    await worker.attempts(60);
    expect(await delivered(journey)).toBe(30);
    expect(Date.now() - asked).toBeGreaterThanOrEqual(1400);
    expect(await deliveries.retryMany(workspace, { journey })).toEqual({ retried: 0 });
  });

  it('are cancelled unless over or under way; the entry is told', async () => {
    const receiver = await receive();
    const journey = await journeyTo(receiver.origin);
    const [one, two] = await enqueue(db.database, workspace, journey, receiver.origin, 2);
    expect(await deliveries.cancel(workspace, one!.id)).toMatchObject({
      status: 'cancelled',
      reason: 'cancelled',
      attempts: 0,
    });
    await expect(deliveries.cancel(workspace, one!.id)).rejects.toMatchObject({ code: 'delivery_state' });
    await db.database.query(
      `update delivery set status = 'sending', lease_until = now() + interval '1 hour' where id = $1`,
      [two!.id],
    );
    await expect(deliveries.cancel(workspace, two!.id)).rejects.toMatchObject({ code: 'delivery_state' });
    await expect(deliveries.retry(workspace, two!.id)).rejects.toMatchObject({ code: 'delivery_state' });
    const signals = await db.database.query<{ body: object }>('select body from signal where entry_id = $1', [
      one!.entryId,
    ]);
    expect(signals.map(({ body }) => body)).toMatchObject([{ outcome: 'cancelled' }]);
    await expect(deliveries.cancel(workspace, '018f0000-0000-7000-8000-000000000000')).rejects.toMatchObject({
      code: 'delivery_unknown',
    });
  });
});
