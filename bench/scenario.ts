/** One scenario in a process of its own, so that its memory is its own: prints one line of JSON. */
import { readFileSync } from 'node:fs';
import { runThrough, waiting } from './scenarios/advance.js';
import { pgBossSteps } from './scenarios/advance-pg-boss.js';
import { bare, deliver, deliverBesideDead, reference, referenceByHand } from './scenarios/deliver.js';
import { idle } from './scenarios/idle.js';
import { ingest } from './scenarios/ingest.js';

/** Smaller runs for a look: `BENCH_SCALE=0.1`. */
const scale = Number(process.env['BENCH_SCALE'] ?? 1);
const n = (count: number): number => Math.round(count * scale);

export const SCENARIOS: Record<string, (url: string) => Promise<object>> = {
  a1: (url) => waiting(url, n(100_000)),
  'a1-pg-boss': (url) => pgBossSteps(url, n(100_000)),
  a2: (url) => runThrough(url, n(100_000)),
  b: (url) => deliver(url, n(50_000)),
  'b-bare': (url) => bare(url, n(50_000)),
  'b-reference': (url) => reference(url, n(50_000)),
  'b-by-hand': (url) => referenceByHand(url, n(50_000)),
  'b-dead': (url) => deliverBesideDead(url, n(50_000), n(20_000)),
  c: (url) => ingest(url, n(300_000)),
  'd-10k': (url) => idle(url, 10_000),
  'd-1m': (url) => idle(url, n(1_000_000)),
};

const [name = '', url = ''] = process.argv.slice(2);
const scenario = SCENARIOS[name];
if (!scenario) throw new Error(`there is no scenario ${name}: ${Object.keys(SCENARIOS).join(', ')}`);
const result = await scenario(url);
const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024;
process.stdout.write(`${JSON.stringify({ ...result, megabytes: Math.round(peak) })}\n`);
process.exit(0);
