/** (d) what a tick costs that finds nothing due, with few and with many entries waiting for later. */
import { Reactions } from '../../src/engine/reactions.js';
import { Tick } from '../../src/engine/tick.js';
import { JourneyCatalog } from '../../src/journeys/catalog.js';
import { analyze, makeEntries, makeProfiles, openWorkbench } from '../workbench.js';
import { WAITING } from './advance.js';

const TICKS = 500;

export async function idle(url: string, waiting: number): Promise<{ millisecondsPerTick: number }> {
  const bench = await openWorkbench(url);
  const catalog = new JourneyCatalog();
  const now = Date.now();
  const journey = await bench.launch(WAITING);
  const profiles = await makeProfiles(bench.database, Math.min(waiting, 100_000));
  for (let made = 0; made < waiting; made += profiles.length) {
    await makeEntries(bench.database, journey, profiles.slice(0, waiting - made), now + 86_400_000);
  }
  await analyze(bench.database);
  const tick = new Tick(bench.database, catalog, new Reactions(catalog));
  for (let i = 0; i < 50; i++) await tick.run(now, 5_000);
  const begun = performance.now();
  for (let i = 0; i < TICKS; i++) await tick.run(now, 5_000);
  const millisecondsPerTick = (performance.now() - begun) / TICKS;
  await bench.close();
  return { millisecondsPerTick };
}
