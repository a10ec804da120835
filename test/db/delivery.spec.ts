import { claim, type ClaimOptions, type Send } from '../../src/delivery/claim.js';
import { wakeHosts } from '../../src/delivery/hosts.sql.js';
import { sweepLeases } from '../../src/delivery/leases.sql.js';
import { record, type Done } from '../../src/delivery/record.js';
import { loadSubjects } from '../../src/engine/subjects.js';
import { JourneyCatalog } from '../../src/journeys/catalog.js';
import { newId } from '../../src/kernel/ids.js';
import { PUBLIC_ONLY } from '../../src/security/address.js';
import { addJourney, addWorkspace, enqueue, startWorker, until, type Worker } from '../support/delivery.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { Receiver } from '../support/receiver.js';

interface Row {
  status: string;
  reason: string | null;
  attempts: number;
  response_status: number | null;
  method: string | null;
}

describe('delivery', () => {
  let db: TestDatabase;
  let workspace: number;
  let workers: Worker[] = [];
  let receivers: Receiver[] = [];

  beforeAll(async () => {
    db = await openTestDatabase();
    workspace = await addWorkspace(db.database);
  });
  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await Promise.all(receivers.map((receiver) => receiver.close()));
    [workers, receivers] = [[], []];
    await db.database.query(
      `update delivery set status = 'cancelled', due_at = null where status in ('due', 'retry', 'sending')`,
    );
  });
  afterAll(() => db.close());

  function work(...args: Parameters<typeof startWorker> extends [unknown, ...infer Rest] ? Rest : never): Worker {
    const worker = startWorker(db.database, ...args);
    workers.push(worker);
    return worker;
  }

  async function receive(...args: Parameters<typeof Receiver.start>): Promise<Receiver> {
    const receiver = await Receiver.start(...args);
    receivers.push(receiver);
    return receiver;
  }

  const rows = (journey: string): Promise<Row[]> =>
    db.database.query<Row>(
      'select status, reason, attempts, response_status, method from delivery where journey_id = $1 order by id',
      [journey],
    );

  it('sends what is due, logs each attempt and tells the entry', async () => {
    const receiver = await receive((_request, response) => response.end('{"id":"lt_1","deep":{"n":7}}'));
    const journey = await addJourney(db.database, workspace, {
      request: {
        method: 'POST',
        url: `${receiver.origin}/letters`,
        body: { json: { to: '{{${first_name}}}', order: '{{context.${order}}}' } },
      },
      advance: 'result',
      capture: { letter: '/id', n: '/deep/n', none: '/x' },
    });
    const [queued] = await enqueue(db.database, workspace, journey, receiver.origin, 1, { order: 'o1' });
    const worker = work();
    await worker.attempts(1);

    expect(receiver.received).toHaveLength(1);
    const [got] = receiver.received;
    expect(got).toMatchObject({ method: 'POST', path: '/letters', body: '{"to":"Ann","order":"o1"}' });
    expect(got!.headers).toMatchObject({
      'webhook-id': queued!.id,
      'idempotency-key': queued!.id,
      'user-agent': 'Itinera/test',
      'x-itinera-depth': '0',
      'content-type': 'application/json',
    });
    expect(Number(got!.headers['webhook-timestamp'])).toBeCloseTo(Date.now() / 1000, -2);
    expect(await rows(journey)).toMatchObject([
      { status: 'delivered', reason: null, attempts: 1, response_status: 200 },
    ]);
    const attempts = await db.database.query<{ number: number; status: number; response_body: string }>(
      'select number, status, response_body from attempt where delivery_id = $1',
      [queued!.id],
    );
    expect(attempts).toEqual([{ number: 1, status: 200, response_body: '{"id":"lt_1","deep":{"n":7}}' }]);
    const signals = await db.database.query<{ body: object }>('select body from signal where entry_id = $1', [
      queued!.entryId,
    ]);
    expect(signals.map(({ body }) => body)).toEqual([
      {
        type: 'delivery',
        visit: 1,
        deliveryId: queued!.id,
        outcome: 'delivered',
        reason: null,
        status: 200,
        captured: { letter: 'lt_1', n: 7 },
      },
    ]);
    expect(worker.errors).toEqual([]);
  });

  const PLAIN = (origin: string, over: object = {}) => ({
    request: { method: 'POST', url: `${origin}/hook`, body: { json: { name: '{{${first_name}}}' } } },
    ...over,
  });
  const QUICK = { initial: 'PT0.05S', jitter: 0 };

  const signalsOf = async (entryId: string): Promise<Record<string, unknown>[]> =>
    (
      await db.database.query<{ body: Record<string, unknown> }>(
        'select body from signal where entry_id = $1 order by id',
        [entryId],
      )
    ).map(({ body }) => body);

  it('tries again what may be tried again: same id, same bytes; the entry goes on with the first attempt', async () => {
    const statuses = [503, 500, 200];
    const receiver = await receive((_request, response) =>
      response.writeHead(statuses[receiver.received.length - 1]!).end(),
    );
    const journey = await addJourney(db.database, workspace, PLAIN(receiver.origin, { retry: QUICK }));
    const [queued] = await enqueue(db.database, workspace, journey, receiver.origin, 1);
    const worker = work();
    await worker.attempts(1);
    expect(await signalsOf(queued!.entryId)).toMatchObject([{ outcome: 'attempted', status: 503 }]);
    await db.database.query(`update profile set standard = '{"first_name":"Changed"}'`);
    await worker.attempts(3);

    expect(receiver.received.map(({ body }) => body)).toEqual(Array(3).fill('{"name":"Ann"}'));
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([queued!.id]));
    expect(await rows(journey)).toMatchObject([{ status: 'delivered', attempts: 3, response_status: 200 }]);
    const log = await db.database.query('select number, status from attempt where delivery_id = $1 order by number', [
      queued!.id,
    ]);
    expect(log).toEqual([
      { number: 1, status: 503 },
      { number: 2, status: 500 },
      { number: 3, status: 200 },
    ]);
    expect(await signalsOf(queued!.entryId)).toMatchObject([{ outcome: 'attempted' }, { outcome: 'delivered' }]);
  });

  it('past the budget it has failed with the last status, and says so once', async () => {
    const receiver = await receive((_request, response) => response.writeHead(500).end('no'));
    const journey = await addJourney(
      db.database,
      workspace,
      PLAIN(receiver.origin, { advance: 'result', retry: { ...QUICK, attempts: 3 } }),
    );
    const [queued] = await enqueue(db.database, workspace, journey, receiver.origin, 1);
    await work().attempts(3);
    expect(await rows(journey)).toMatchObject([
      { status: 'failed', reason: 'http_500', attempts: 3, response_status: 500 },
    ]);
    expect(await signalsOf(queued!.entryId)).toMatchObject([{ outcome: 'failed', reason: 'http_500', status: 500 }]);
  });

  it('a status that is not retried fails at once; 410 warns of the host; a redirect is not followed', async () => {
    const receiver = await receive((request, response) =>
      response.writeHead(request.body.includes('gone') ? 410 : 301, { Location: '/elsewhere' }).end(),
    );
    for (const [word, status] of [
      ['gone', 410],
      ['moved', 301],
    ] as const) {
      const journey = await addJourney(db.database, workspace, {
        request: { method: 'POST', url: `${receiver.origin}/x`, body: { raw: word } },
      });
      await enqueue(db.database, workspace, journey, receiver.origin, 1);
      const worker = work();
      await worker.attempts(1);
      await worker.stop();
      expect(await rows(journey)).toMatchObject([{ status: 'failed', reason: `http_${status}`, attempts: 1 }]);
    }
    expect(receiver.received).toHaveLength(2);
    const [host] = await db.database.query<{ warning: string }>('select warning from host where origin = $1', [
      receiver.origin,
    ]);
    expect(host!.warning).toMatch(/^answered 410 Gone at /);
  });

  it.each([
    [
      'abort_message',
      { request: { method: 'POST', url: 'ORIGIN/x', body: { raw: "{% abort_message('no plan') %}" } } },
      'aborted',
      /^liquid_abort: no plan/,
      undefined,
    ],
    [
      'a render error',
      { request: { method: 'POST', url: 'ORIGIN/x', headers: { 'X-A': '{{context.${broken}}}' }, body: { raw: 'x' } } },
      'aborted',
      /^render_error: /,
      undefined,
    ],
    [
      'only_if',
      {
        request: { method: 'POST', url: 'ORIGIN/x' },
        only_if: { attribute: '$first_name', op: 'equals', value: 'Bob' },
      },
      'cancelled',
      /^validation_failed/,
      true,
    ],
  ])('%s: no request, and the entry is told', async (_name, step, status, reason, invalid) => {
    const receiver = await receive();
    const journey = await addJourney(
      db.database,
      workspace,
      JSON.parse(JSON.stringify(step).replace('ORIGIN', receiver.origin)),
    );
    const [queued] = await enqueue(db.database, workspace, journey, receiver.origin, 1, { broken: 'a\nb' });
    const worker = work();
    const found = await until(
      () => signalsOf(queued!.entryId),
      (signals) => signals.length > 0,
    );
    expect(found).toMatchObject([
      { outcome: status, reason: expect.stringMatching(reason), ...(invalid ? { invalid } : {}) },
    ]);
    expect(await rows(journey)).toMatchObject([{ status, reason: expect.stringMatching(reason), attempts: 0 }]);
    expect(receiver.received).toEqual([]);
    expect(worker.errors).toEqual([]);
  });

  it('a journey that was stopped sends nothing more', async () => {
    const receiver = await receive();
    const journey = await addJourney(db.database, workspace, PLAIN(receiver.origin));
    const [queued] = await enqueue(db.database, workspace, journey, receiver.origin, 1);
    await db.database.query(`update journey set status = 'stopped' where id = $1`, [journey]);
    await db.database.query('update journey_revision set revision = revision + 1');
    work();
    const found = await until(
      () => signalsOf(queued!.entryId),
      (signals) => signals.length > 0,
    );
    expect(found).toMatchObject([{ outcome: 'cancelled', reason: 'journey_stopped' }]);
    expect(receiver.received).toEqual([]);
  });

  it('a blocked address is a visible, final outcome', async () => {
    const receiver = await receive();
    const journey = await addJourney(db.database, workspace, PLAIN(receiver.origin));
    const [queued] = await enqueue(db.database, workspace, journey, receiver.origin, 1);
    await work({}, undefined, PUBLIC_ONLY).attempts(1);
    expect(await rows(journey)).toMatchObject([{ status: 'failed', reason: 'egress_blocked', attempts: 1 }]);
    const log = await db.database.query('select number, status, error from attempt where delivery_id = $1', [
      queued!.id,
    ]);
    expect(log).toEqual([{ number: 1, status: null, error: 'egress_blocked: 127.0.0.1 is a loopback address' }]);
    expect(receiver.received).toEqual([]);
  });

  it('a URL that comes out at another host is sent there', async () => {
    const [planned, actual] = [await receive(), await receive()];
    const journey = await addJourney(db.database, workspace, {
      request: { method: 'GET', url: '{{context.${base}}}/x' },
    });
    await enqueue(db.database, workspace, journey, planned.origin, 1, { base: actual.origin });
    await work().attempts(1);
    expect([planned.received.length, actual.received.length]).toEqual([0, 1]);
    expect(await rows(journey)).toMatchObject([{ status: 'delivered', attempts: 1 }]);
  });

  it('two workers on one database never send one delivery twice', async () => {
    const receiver = await receive((_request, response) => setTimeout(() => response.end(), 2));
    const journey = await addJourney(db.database, workspace, PLAIN(receiver.origin));
    const queued = await enqueue(db.database, workspace, journey, receiver.origin, 1500);
    const pair = [work({ deliveries: 100 }), work({ deliveries: 100 })];
    await until(
      () =>
        db.database.query<{ n: number }>(
          `select count(*)::integer as n from delivery where journey_id = $1 and status = 'delivered'`,
          [journey],
        ),
      ([row]) => row!.n === 1500,
    );
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toHaveLength(1500);
    expect(new Set(ids)).toEqual(new Set(queued.map(({ id }) => id)));
    for (const worker of pair) {
      expect(worker.errors).toEqual([]);
      expect(worker.recorded.length).toBeGreaterThan(0);
    }
  });

  it('what a killed worker held goes out again when its lease is over: same webhook-id, same bytes', async () => {
    const receiver = await receive();
    const journey = await addJourney(db.database, workspace, PLAIN(receiver.origin));
    const queued = await enqueue(db.database, workspace, journey, receiver.origin, 3);
    // Claimed and committed by a worker that then was no more.
    const { sends } = await db.database.transaction((tx) => claim(tx, new JourneyCatalog(), loadSubjects, claimAll()));
    expect(sends).toHaveLength(3);
    await db.database.query(`update profile set standard = '{"first_name":"Changed"}'`);
    const worker = work({ sweepEvery: 20 });
    await until(
      () => rows(journey),
      (all) => all.every(({ status }) => status === 'sending'),
    );
    expect(receiver.received).toEqual([]);
    await db.database.query(`update delivery set lease_until = now() - interval '1 second' where journey_id = $1`, [
      journey,
    ]);
    await worker.attempts(3);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id']))).toEqual(
      new Set(queued.map(({ id }) => id)),
    );
    expect(receiver.received.map(({ body }) => body)).toEqual(
      sends.map(({ request }) => Buffer.from(request.body!).toString()),
    );
    expect(await rows(journey)).toMatchObject(Array(3).fill({ status: 'delivered', attempts: 1 }));
  });

  it('a recorder whose lease is lost adds its attempt and changes nothing else', async () => {
    const journey = await addJourney(db.database, workspace, PLAIN('http://127.0.0.1:9'));
    const [queued] = await enqueue(db.database, workspace, journey, 'http://127.0.0.1:9', 1);
    const claimOne = async () =>
      (await db.database.transaction((tx) => claim(tx, new JourneyCatalog(), loadSubjects, claimAll()))).sends[0]!;
    const late = await claimOne();
    await db.database.query(`update delivery set lease_until = now() - interval '1 second' where id = $1`, [
      queued!.id,
    ]);
    await db.database.transaction(async (tx) => wakeHosts(tx, await sweepLeases(tx, Date.now(), 10), Date.now()));
    const holder = await claimOne();
    expect(holder.token).not.toBe(late.token);

    const over = (send: Send, status: number, startedAt: number): Done => ({
      send,
      result: { answer: { kind: 'response', status, headers: {} }, body: new Uint8Array(), truncated: false },
      startedAt,
      durationMs: 5,
      unit: 0,
    });
    const now = Date.now();
    const first = over(late, 400, now - 10);
    expect((await db.database.transaction((tx) => record(tx, [first], now))).late).toBe(1);
    expect(await rows(journey)).toMatchObject([{ status: 'sending', reason: null, attempts: 1 }]);
    expect(await signalsOf(queued!.entryId)).toEqual([]);
    // The same again, as after a commit whose answer was lost: logged once.
    await db.database.transaction((tx) => record(tx, [first], now));
    await db.database.transaction((tx) => record(tx, [over(holder, 200, now)], now));
    expect(await rows(journey)).toMatchObject([{ status: 'delivered', attempts: 2 }]);
    expect(await signalsOf(queued!.entryId)).toMatchObject([{ outcome: 'delivered' }]);
    expect(
      await db.database.query('select number, status from attempt where delivery_id = $1 order by number', [
        queued!.id,
      ]),
    ).toEqual([
      { number: 1, status: 400 },
      { number: 2, status: 200 },
    ]);
  });

  it('finds a delivery that counted on a look that was over already', async () => {
    const receiver = await receive();
    const journey = await addJourney(db.database, workspace, PLAIN(receiver.origin));
    await enqueue(db.database, workspace, journey, receiver.origin, 1);
    const worker = work();
    await worker.attempts(1);
    // As the engine does when the host looks due to it: the delivery alone, committed after the look, and a hint.
    await until(
      () =>
        db.database.query<{ idle: boolean }>(`select pacing_state ? 'idle' as idle from host where origin = $1`, [
          receiver.origin,
        ]),
      ([host]) => host!.idle,
    );
    await db.database.query(
      `insert into delivery (lane, id, workspace, journey_id, version, step, visit, entry_id, profile_id, host_id, status, due_at, created_at)
       select lane, $1, workspace, journey_id, version, step, 2, entry_id, profile_id, host_id, 'due', now(), now() from delivery where journey_id = $2`,
      [newId(0, Date.now()), journey],
    );
    const asked = Date.now();
    worker.loop.poke();
    await worker.attempts(2);
    expect(Date.now() - asked).toBeLessThan(900);
  });
});

function claimAll(): ClaimOptions {
  return { now: Date.now(), room: () => 100, full: [], hinted: [], hosts: 100, deliveries: 1000 };
}
