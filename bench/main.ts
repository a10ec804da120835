/**
 * Measures Itinera beside its peers, in one run, on one database server, and prints one table of ratios.
 *
 *   npm run bench                    every scenario, the median of three rounds
 *   npm run bench -- a1 a1-pg-boss   these alone
 *   BENCH_ROUNDS=1 BENCH_SCALE=0.1   a quick look
 */
import { spawnSync } from 'node:child_process';
import { cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { startServer } from './server.js';

type Result = Record<string, number>;

const ALL = ['a1', 'a1-pg-boss', 'a2', 'b', 'b-bare', 'b-reference', 'b-by-hand', 'b-dead', 'c', 'd-10k', 'd-1m'];
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 3);
const asked = process.argv.slice(2);
const names = asked.length > 0 ? asked : ALL;

const server = await startServer();
const load = loadavg()[0]!;
const results = new Map<string, Result[]>(names.map((name) => [name, []]));
try {
  for (let round = 1; round <= rounds; round++) {
    for (const name of names) {
      const result = run(name);
      results.get(name)!.push(result);
      process.stderr.write(`round ${round}/${rounds} ${name}: ${JSON.stringify(result)}\n`);
    }
  }
} finally {
  await server.stop();
}
print();

function run(name: string): Result {
  const script = fileURLToPath(new URL('./scenario.js', import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [script, name, server.url], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`the scenario ${name} failed`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Result;
}

/** Median over the rounds. */
function of(name: string, field: string): number | undefined {
  const values = (results.get(name) ?? []).flatMap((result) => result[field] ?? []).sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)];
}

function print(): void {
  const rows: string[][] = [['what', 'Itinera', 'beside', 'ratio', 'aim', 'memory']];
  const row = (
    what: string,
    name: string,
    field: string,
    unit: string,
    beside: [string, string, string] | null,
    aim: string,
  ): void => {
    const own = of(name, field);
    if (own === undefined) return;
    const other = beside ? of(beside[0], beside[1]) : undefined;
    const ratio = other === undefined ? '' : (own / other).toFixed(2);
    const memory = of(name, 'appMegabytes') ?? of(name, 'megabytes');
    rows.push([
      what,
      `${format(own)} ${unit}`,
      other === undefined ? '' : `${format(other)} ${beside![2]}`,
      ratio,
      aim,
      memory === undefined ? '' : `${Math.round(memory)} MB`,
    ]);
  };
  row('a1 advance, waiting', 'a1', 'stepsPerSecond', 'steps/s', ['a1-pg-boss', 'stepsPerSecond', 'pg-boss'], '≥ 3');
  row(
    'a2 advance, run through',
    'a2',
    'stepsPerSecond',
    'steps/s',
    ['a1-pg-boss', 'stepsPerSecond', 'pg-boss'],
    '≥ 10',
  );
  row('b deliver', 'b', 'perSecond', '/s', ['b-bare', 'perSecond', 'bare undici'], '≥ 0.25');
  row('b deliver', 'b', 'perSecond', '/s', ['b-reference', 'perSecond', 'reference worker'], '≥ 2');
  row('b deliver', 'b', 'perSecond', '/s', ['b-by-hand', 'perSecond', 'the same by hand'], '');
  row('b deliver beside a dead host', 'b-dead', 'perSecond', '/s', ['b', 'perSecond', 'without it'], '≥ 0.9');
  row('c ingest', 'c', 'perSecond', 'events/s', null, '≥ 15,000');
  row(
    'd idle tick, 1,000,000 waiting',
    'd-1m',
    'millisecondsPerTick',
    'ms',
    ['d-10k', 'millisecondsPerTick', 'ms with 10,000'],
    '≤ 1.5',
  );
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  const lines = rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  const machine = `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, load at start ${load.toFixed(2)}`;
  process.stdout.write(
    `\n${lines.join('\n')}\n\nNode ${process.versions.node}, PostgreSQL ${server.version}, ${machine}; median of ${rounds}\n`,
  );
}

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
