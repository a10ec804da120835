/**
 * How many deliveries a second one worker makes to one host, PostgreSQL and the receiver on the same machine.
 *
 *   node --import @swc-node/register/esm-register test/load/delivery.ts [count=40000] [sinkDelayMs=0] [hosts=1]
 *
 * Prints deliveries a second and the processor time each part took for one delivery, which is what compares when the
 * machine is busy with other things.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, chmodSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { Database } from '../../src/persistence/database.js';
import { migrate } from '../../src/persistence/migrate.js';
import { prepareHome, SOCKET_PORT } from '../../src/persistence/postgres-files.js';
import { PostgresServer, SUPERUSER, tunedSettings } from '../../src/persistence/postgres-server.js';
import { addJourney, addWorkspace, enqueue, startWorker } from '../support/delivery.js';

const [count = 40_000, delay = 0, hosts = 1] = process.argv.slice(2).map(Number);

if (process.send) sink();
else await measure();

function sink(): void {
  let served = 0;
  for (let i = 0; i < hosts; i++) {
    const server = createServer((request, response) => {
      request.resume();
      request.on('end', () => {
        served++;
        if (delay > 0) setTimeout(() => response.end('{"ok":true}'), delay);
        else response.end('{"ok":true}');
      });
    });
    server.keepAliveTimeout = 60_000;
    server.listen(0, '127.0.0.1', 1024, () => process.send?.({ port: (server.address() as AddressInfo).port }));
  }
  process.on('message', () => process.send?.({ served, cpu: process.cpuUsage() }));
}

async function measure(): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2), { execArgv: process.execArgv });
  const ports: number[] = [];
  await new Promise<void>((resolve) =>
    child.on('message', (message: { port?: number }) => {
      if (message.port) ports.push(message.port);
      if (ports.length === hosts) resolve();
    }),
  );
  const directory = mkdtempSync(join(tmpdir(), 'itinera-load-'));
  chmodSync(directory, 0o755);
  const files = prepareHome(directory);
  const server = new PostgresServer(files, tunedSettings());
  await server.initialise(false);
  const postgres = server.spawn();
  const url = `postgresql://${SUPERUSER}@localhost/postgres?host=${encodeURIComponent(files.socket)}&port=${SOCKET_PORT}`;
  for (;;) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      break;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  await migrate({ connectionString: url });
  const db = new Database({ connectionString: url });
  try {
    const workspace = await addWorkspace(db);
    for (const port of ports) {
      const origin = `http://127.0.0.1:${port}`;
      const journey = await addJourney(db, workspace, {
        request: {
          method: 'POST',
          url: `${origin}/hook`,
          headers: { 'X-Source': 'itinera' },
          body: {
            json: {
              user: '{{${user_id}}}',
              name: '{{${first_name}}}',
              order: '{{context.${order}}}',
              text: 'x'.repeat(300),
            },
          },
        },
      });
      const each = Math.ceil(count / hosts);
      for (let left = each; left > 0; left -= 5000)
        await enqueue(db, workspace, journey, origin, Math.min(left, 5000), { order: 'o-1' });
    }
    await db.query('analyze');
    const worker = startWorker(db, { interval: 500 });
    const [cpu0, pg0, sink0, started] = [
      process.cpuUsage(),
      treeCpu(postgres.pid!),
      await ask(child),
      performance.now(),
    ];
    await worker.attempts(count);
    const seconds = (performance.now() - started) / 1000;
    const cpu = process.cpuUsage(cpu0);
    const sinkCpu = (await ask(child)).cpu;
    const each = (ms: number): string => `${((ms * 1000) / count).toFixed(1)} µs`;
    process.stdout.write(
      `${count} deliveries to ${hosts} host(s), sink ${delay} ms: ${(count / seconds).toFixed(0)}/s; processor time for one: ` +
        `worker ${each((cpu.user + cpu.system) / 1000)}, postgres ${each(treeCpu(postgres.pid!) - pg0)}, ` +
        `sink ${each((sinkCpu.user + sinkCpu.system - sink0.cpu.user - sink0.cpu.system) / 1000)}; ` +
        `records ${worker.recorded.length}, errors ${worker.errors.length}\n`,
    );
    for (const error of worker.errors.slice(0, 3)) process.stderr.write(`${String(error)}\n`);
    await worker.stop();
  } finally {
    await db.close();
    child.kill();
    await server.stop(postgres.pid!);
    rmSync(directory, { recursive: true, force: true });
  }
}

function ask(child: ReturnType<typeof fork>): Promise<{ cpu: NodeJS.CpuUsage }> {
  return new Promise((resolve) => {
    child.once('message', (message) => resolve(message as { cpu: NodeJS.CpuUsage }));
    child.send('cpu');
  });
}

/** Processor time of a process and its children, milliseconds (ended children included). */
function treeCpu(pid: number): number {
  let ticks = 0;
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const own = Number(entry) === pid;
      if (!own && Number(fields[1]) !== pid) continue;
      ticks += Number(fields[11]) + Number(fields[12]) + (own ? Number(fields[13]) + Number(fields[14]) : 0);
    } catch {
      // The process has just ended.
      continue;
    }
  }
  return ticks * 10;
}
