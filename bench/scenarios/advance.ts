/** (a1) entries × 6 delay steps that are due, each persisted; (a2) 6 steps that do not wait. */
import { ENGINE_DEFAULTS, EngineLoop } from '../../src/engine/engine.loop.js';
import { Reactions } from '../../src/engine/reactions.js';
import { Tick } from '../../src/engine/tick.js';
import { JourneyCatalog } from '../../src/journeys/catalog.js';
import type { Json } from '../../src/kernel/json.js';
import { VirtualClock } from '../../src/kernel/clock.js';
import type { Database } from '../../src/persistence/database.js';
import { analyze, makeEntries, makeProfiles, openWorkbench } from '../workbench.js';

const HOUR = 3_600_000;
const STEPS = 6;

function chain(key: string, step: (next: string | null) => Json): Json {
  const steps: Record<string, Json> = {};
  for (let i = 1; i <= STEPS; i++) steps[`s${i}`] = step(i === STEPS ? 'end' : `s${i + 1}`);
  steps['end'] = { type: 'exit', reason: 'done' };
  return { schema: 1, key, name: key, entry: { trigger: { type: 'api' } }, start: 's1', steps };
}

export const WAITING = chain('waiting', (next) => ({ type: 'delay', for: 'PT1H', next }));
export const RUN_THROUGH = chain('run-through', (next) => ({
  type: 'context',
  set: [{ name: 'n', type: 'number', value: '1' }],
  next,
}));

/** Runs the engine as shipped until `target` more steps have been passed. */
async function passSteps(
  database: Database,
  catalog: JourneyCatalog,
  clock: VirtualClock,
  target: number,
): Promise<void> {
  let passed = 0;
  await new Promise<void>((resolve, reject) => {
    const loop: EngineLoop = new EngineLoop(
      new Tick(database, catalog, new Reactions(catalog)),
      clock,
      { ...ENGINE_DEFAULTS, interval: 20 },
      {
        started: () => undefined,
        stopped: () => undefined,
        beat: () => undefined,
        ticked: (result) => {
          passed += result.passed;
          if (passed >= target) loop.stop().then(resolve, reject);
        },
        errored: (failed) => reject(failed[0]?.cause),
        failed: reject,
      },
    );
    loop.start();
  });
}

export async function waiting(url: string, entries: number): Promise<{ stepsPerSecond: number }> {
  const bench = await openWorkbench(url);
  const start = Date.now();
  const clock = new VirtualClock(start);
  const catalog = new JourneyCatalog();
  const journey = await bench.launch(WAITING);
  await makeEntries(bench.database, journey, await makeProfiles(bench.database, entries), start);
  // Into the first delay.
  const tick = new Tick(bench.database, catalog, new Reactions(catalog));
  while ((await tick.run(start, 5_000)).advanced > 0);
  await analyze(bench.database);
  const begun = performance.now();
  for (let i = 0; i < STEPS; i++) {
    clock.advance(HOUR);
    await passSteps(bench.database, catalog, clock, entries);
  }
  const seconds = (performance.now() - begun) / 1000;
  await bench.close();
  return { stepsPerSecond: (entries * STEPS) / seconds };
}

export async function runThrough(url: string, entries: number): Promise<{ stepsPerSecond: number }> {
  const bench = await openWorkbench(url);
  const start = Date.now();
  const journey = await bench.launch(RUN_THROUGH);
  await makeEntries(bench.database, journey, await makeProfiles(bench.database, entries), start);
  await analyze(bench.database);
  const begun = performance.now();
  await passSteps(bench.database, new JourneyCatalog(), new VirtualClock(start), entries * STEPS);
  const seconds = (performance.now() - begun) / 1000;
  await bench.close();
  return { stepsPerSecond: (entries * STEPS) / seconds };
}
