/** (b) webhooks to a local sink: the delivery room as shipped, beside a bare undici loop and a reference worker. */
import PgBoss from 'pg-boss';
import { Pool } from 'undici';
import { DEFAULT_OPTIONS, DeliveryLoop } from '../../src/delivery/delivery.loop.js';
import { CONNECTIONS_PER_HOST, Sender } from '../../src/delivery/sender.js';
import { Reactions } from '../../src/engine/reactions.js';
import { loadSubjects } from '../../src/engine/subjects.js';
import { Tick } from '../../src/engine/tick.js';
import { JourneyCatalog } from '../../src/journeys/catalog.js';
import { systemClock } from '../../src/kernel/clock.js';
import type { Json } from '../../src/kernel/json.js';
import { egressRules } from '../../src/security/address.js';
import { egressConnector } from '../../src/security/egress.js';
import { openSink } from '../sink.js';
import { analyze, makeEntries, makeProfiles, openWorkbench, type Workbench } from '../workbench.js';

export interface Rate {
  readonly perSecond: number;
}

const BODY = { json: { user: '{{${user_id}}}', plan: '{{custom_attribute.${plan}}}', text: 'x'.repeat(100) } };

function journey(key: string, origin: string): Json {
  return {
    schema: 1,
    key,
    name: key,
    entry: { trigger: { type: 'api' } },
    start: 'send',
    steps: { send: { type: 'webhook', request: { method: 'POST', url: `${origin}/hook`, body: BODY }, next: null } },
  };
}

/** Lets the engine ask for `count` deliveries; they are due when this resolves. */
async function queue(bench: Workbench, key: string, origin: string, count: number): Promise<void> {
  const now = Date.now();
  const id = await bench.launch(journey(key, origin));
  await makeEntries(bench.database, id, await makeProfiles(bench.database, count), now);
  const catalog = new JourneyCatalog();
  const tick = new Tick(bench.database, catalog, new Reactions(catalog));
  while ((await tick.run(now, 5_000)).advanced > 0);
}

/** Runs the delivery loop until `count` attempts at `origin`'s deliveries have been recorded as delivered. */
async function drain(bench: Workbench, count: number, prepare?: () => Promise<void>): Promise<number> {
  const sender = new Sender(egressConnector(egressRules(['127.0.0.0/8']), { connectTimeout: 10_000 }));
  let delivered = 0;
  let begun = performance.now();
  let finish: (seconds: number) => void;
  let fail: (error: unknown) => void;
  const done = new Promise<number>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  const loop = new DeliveryLoop(bench.database, new JourneyCatalog(), loadSubjects, sender, systemClock, {
    options: { ...DEFAULT_OPTIONS, userAgent: 'Itinera/bench' },
    report: {
      beat: () => undefined,
      claimed: () => undefined,
      deferred: () => undefined,
      failed: (_what, error) => fail(error),
      recorded: (batch) => {
        delivered += batch.outcomes.filter(({ kind }) => kind === 'delivered').length;
        if (delivered >= count) finish((performance.now() - begun) / 1000);
      },
    },
  });
  loop.start();
  if (prepare) {
    await prepare();
    begun = performance.now();
    loop.poke();
  }
  const seconds = await done;
  await loop.stop(10_000);
  await sender.close();
  return seconds;
}

export async function deliver(url: string, count: number): Promise<Rate> {
  const bench = await openWorkbench(url);
  const sink = await openSink();
  await queue(bench, 'deliver', sink.origin, count);
  await analyze(bench.database);
  const seconds = await drain(bench, count);
  sink.stop();
  await bench.close();
  return { perSecond: count / seconds };
}

/** The healthy host's rate while another host is dead with `dead` deliveries queued and its circuit open. */
export async function deliverBesideDead(url: string, count: number, dead: number): Promise<Rate> {
  const bench = await openWorkbench(url);
  const [sink, sick] = await Promise.all([openSink(), openSink(503)]);
  await queue(bench, 'dead', sick.origin, dead);
  await queue(bench, 'healthy', sink.origin, count);
  await bench.database.query('update host set paused = true where origin = $1', [sink.origin]);
  await analyze(bench.database);
  const seconds = await drain(bench, count, async () => {
    const isOpen = async (): Promise<boolean> =>
      (await bench.database.query(`select 1 from host where origin = $1 and circuit = 'open'`, [sick.origin])).length >
      0;
    while (!(await isOpen())) await new Promise((resolve) => setTimeout(resolve, 50));
    await bench.database.query('update host set paused = false, next_due_at = now() where origin = $1', [sink.origin]);
  });
  sink.stop();
  sick.stop();
  await bench.close();
  return { perSecond: count / seconds };
}

/** The limit: undici alone, with the same connections and a body of the same size. */
export async function bare(_url: string, count: number): Promise<Rate> {
  const sink = await openSink();
  const pool = new Pool(sink.origin, { connections: CONNECTIONS_PER_HOST });
  const body = JSON.stringify({ user: 'user-12345', plan: 'pro', text: 'x'.repeat(100) });
  const begun = performance.now();
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const response = await pool.request({
        method: 'POST',
        path: '/hook',
        headers: { 'content-type': 'application/json' },
        body,
      });
      await response.body.dump();
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS_PER_HOST * 2 }, worker));
  const seconds = (performance.now() - begun) / 1000;
  await pool.close();
  sink.stop();
  return { perSecond: count / seconds };
}

interface Webhook {
  readonly user: string;
  readonly plan: string;
  readonly text: string;
}

const QUEUE = 'webhooks';
const BATCH = 500;

/** What both pg-boss peers share: jobs in a queue, a table of attempts, a pool with the same connections. */
async function withBoss(
  url: string,
  count: number,
  run: (boss: PgBoss, send: (jobs: readonly PgBoss.Job<Webhook>[]) => Promise<void>) => Promise<void>,
): Promise<Rate> {
  const bench = await openWorkbench(url);
  const sink = await openSink();
  const { connectionString } = bench.options;
  const boss = new PgBoss({ connectionString, max: 4, supervise: false, schedule: false });
  await boss.start();
  await boss.createQueue(QUEUE);
  const text = 'x'.repeat(100);
  for (let from = 0; from < count; from += 5_000) {
    const length = Math.min(5_000, count - from);
    await boss.insert(
      Array.from({ length }, (_, i) => ({ name: QUEUE, data: { user: `user-${from + i}`, plan: 'pro', text } })),
    );
  }
  await bench.database.query(
    'create table reference_attempt (job_id uuid, at timestamptz, status smallint, body text)',
  );
  await analyze(bench.database);
  const pool = new Pool(sink.origin, { connections: CONNECTIONS_PER_HOST });
  const post = async ({ data }: PgBoss.Job<Webhook>): Promise<{ status: number; body: string }> => {
    const headers = { 'content-type': 'application/json' };
    const response = await pool.request({ method: 'POST', path: '/hook', headers, body: JSON.stringify(data) });
    return { status: response.statusCode, body: await response.body.text() };
  };
  const send = async (jobs: readonly PgBoss.Job<Webhook>[]): Promise<void> => {
    const answers = await Promise.all(jobs.map(post));
    await bench.database.query(
      'insert into reference_attempt select id, now(), status, body from unnest($1::uuid[], $2::smallint[], $3::text[]) as a (id, status, body)',
      [jobs.map(({ id }) => id), answers.map(({ status }) => status), answers.map(({ body }) => body)],
    );
  };
  const begun = performance.now();
  await run(boss, send);
  const seconds = (performance.now() - begun) / 1000;
  await pool.close();
  await boss.stop({ graceful: false, close: true });
  sink.stop();
  await bench.close();
  return { perSecond: count / seconds };
}

/** The reference worker, as pg-boss's documentation has it: `work` with a batch and its shortest interval. */
export function reference(url: string, count: number): Promise<Rate> {
  return withBoss(url, count, async (boss, send) => {
    let done = 0;
    await new Promise<void>((resolve, reject) => {
      const options = { batchSize: BATCH, pollingIntervalSeconds: 0.5 };
      const handler = async (jobs: PgBoss.Job<Webhook>[]): Promise<void> => {
        await send(jobs);
        done += jobs.length;
        if (done >= count) resolve();
      };
      boss.work(QUEUE, options, handler).catch(reject);
    });
  });
}

/** The same driven by hand, without its interval: fetch, send, write the attempts, complete, again. */
export function referenceByHand(url: string, count: number): Promise<Rate> {
  return withBoss(url, count, async (boss, send) => {
    for (let done = 0; done < count;) {
      const jobs = await boss.fetch<Webhook>(QUEUE, { batchSize: BATCH });
      await send(jobs);
      await boss.complete(
        QUEUE,
        jobs.map(({ id }) => id),
      );
      done += jobs.length;
    }
  });
}
