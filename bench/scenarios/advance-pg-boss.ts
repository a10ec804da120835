/** The peer of (a1): the same 6 persisted steps as jobs of pg-boss 10: fetch, complete and insert the next, 500 at a time. */
import PgBoss from 'pg-boss';
import { openWorkbench } from '../workbench.js';

const STEPS = 6;
const BATCH = 500;
const QUEUE = 'steps';

export async function pgBossSteps(url: string, entries: number): Promise<{ stepsPerSecond: number }> {
  const bench = await openWorkbench(url);
  const boss = new PgBoss({
    connectionString: bench.options.connectionString,
    max: 4,
    supervise: false,
    schedule: false,
  });
  boss.on('error', (error) => {
    throw error;
  });
  await boss.start();
  await boss.createQueue(QUEUE);
  const jobs = (step: number, ids: readonly number[]): PgBoss.JobInsert[] =>
    ids.map((entry) => ({ name: QUEUE, data: { entry, step } }));
  for (let from = 0; from < entries; from += 5_000) {
    await boss.insert(
      jobs(
        1,
        Array.from({ length: Math.min(5_000, entries - from) }, (_, i) => from + i),
      ),
    );
  }
  await bench.database.query('vacuum analyze');
  const begun = performance.now();
  let done = 0;
  const work = async (): Promise<void> => {
    for (;;) {
      const batch = await boss.fetch<{ entry: number; step: number }>(QUEUE, { batchSize: BATCH });
      if (batch.length === 0) return;
      const next = batch.filter((job) => job.data.step < STEPS);
      await boss.complete(
        QUEUE,
        batch.map((job) => job.id),
      );
      if (next.length > 0) {
        await boss.insert(
          next.map((job) => ({ name: QUEUE, data: { entry: job.data.entry, step: job.data.step + 1 } })),
        );
      }
      done += batch.length;
    }
  };
  while (done < entries * STEPS) await Promise.all([work(), work()]);
  const seconds = (performance.now() - begun) / 1000;
  await boss.stop({ graceful: false, close: true });
  await bench.close();
  return { stepsPerSecond: done / seconds };
}
