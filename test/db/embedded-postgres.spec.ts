import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
  chownSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { EmbeddedPostgres } from '../../src/persistence/embedded-postgres.js';

const HOLDER = fileURLToPath(new URL('../support/holder.ts', import.meta.url));
const settings = { fsync: 'off' };
const silent = { info: () => undefined, warn: () => undefined };
const asRoot = process.getuid?.() === 0;

const directories: string[] = [];
const holders: ChildProcess[] = [];
const servers: EmbeddedPostgres[] = [];

function dataDir(): string {
  const directory = mkdtempSync(join(tmpdir(), 'itinera-embedded-'));
  chmodSync(directory, 0o755);
  directories.push(directory);
  return directory;
}

async function startHere(
  directory: string,
  log: { info(message: string): void; warn(message: string): void } = silent,
): Promise<EmbeddedPostgres> {
  const server = await EmbeddedPostgres.start({ dataDir: directory, log, settings });
  servers.push(server);
  return server;
}

/** Another process that owns the directory; resolves when its database is up. */
async function startHolder(directory: string, options: SpawnOptions = {}): Promise<ChildProcess> {
  const holder = spawn(process.execPath, ['--import', '@swc-node/register/esm-register', HOLDER, directory], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
  holders.push(holder);
  const errors: Buffer[] = [];
  holder.stderr?.on('data', (chunk: Buffer) => errors.push(chunk));
  const ended = once(holder, 'exit').then(() =>
    Promise.reject(new Error(`holder ended: ${Buffer.concat(errors).toString()}`)),
  );
  await Promise.race([once(holder.stdout!, 'data'), ended]);
  return holder;
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

async function ask<R>(server: EmbeddedPostgres, text: string): Promise<R | undefined> {
  const client = new pg.Client(server.connection);
  await client.connect();
  try {
    return (await client.query(text)).rows[0] as R;
  } finally {
    await client.end();
  }
}

const startedAt = async (server: EmbeddedPostgres): Promise<string> =>
  (await ask<{ at: string }>(server, 'select pg_postmaster_start_time()::text as at'))!.at;

const postmaster = (directory: string): number =>
  Number.parseInt(readFileSync(join(realpathSync(join(directory, 'postgres')), 'data/postmaster.pid'), 'utf8'), 10);

afterEach(async () => {
  for (const holder of holders.splice(0))
    if (holder.exitCode === null && holder.signalCode === null) await kill(holder, 'SIGKILL');
  for (const server of servers.splice(0)) await server.stop();
  for (const directory of directories.splice(0)) {
    await stopOrphan(directory);
    rmSync(directory, { recursive: true, force: true });
  }
});

/** What a killed holder has left running. */
async function stopOrphan(directory: string): Promise<void> {
  const file = join(directory, 'postgres/data/postmaster.pid');
  if (!existsSync(file)) return;
  process.kill(postmaster(directory), 'SIGINT');
  while (existsSync(file)) await setImmediate();
}

describe('the embedded PostgreSQL', () => {
  it('is reachable over a private socket alone, keeps what was written, and leaves nothing running', async () => {
    const directory = dataDir();
    const first = await startHere(directory);
    await ask(first, 'create table kept as select 42 as answer');
    expect(
      await ask(
        first,
        'select current_setting($$listen_addresses$$) as tcp, current_setting($$synchronous_commit$$) as durable',
      ),
    ).toEqual({ tcp: '', durable: 'on' });
    const socket = statSync(first.connection.host!);
    expect(socket.mode & 0o777).toBe(0o700);
    expect(statSync(join(first.home, 'data')).uid).toBe(socket.uid);
    expect(socket.uid).not.toBe(0);
    const pid = postmaster(directory);
    await first.stop();
    expect(existsSync(join(first.home, 'data/postmaster.pid'))).toBe(false);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');

    const second = await startHere(directory);
    expect(await ask(second, 'select answer from kept')).toEqual({ answer: 42 });
  });

  it('belongs to one process: another one is refused with the way to share it', async () => {
    const directory = dataDir();
    await startHolder(directory);
    const home = realpathSync(join(directory, 'postgres'));
    await expect(startHere(directory)).rejects.toMatchObject({
      code: 'data_dir_in_use',
      details: { home },
      message: expect.stringContaining('DATABASE_URL=postgresql://'),
    });
  });

  it('outlives its process and a Ctrl-C in its terminal, and is taken over by the next one', async () => {
    const directory = dataDir();
    const killed = await startHolder(directory, { detached: true });
    const pid = postmaster(directory);
    const gone = once(killed, 'exit');
    // What a terminal does: the signal goes to the whole process group.
    process.kill(-killed.pid!, 'SIGINT');
    await gone;
    const server = await startHere(directory);
    expect(postmaster(directory)).toBe(pid);
    const before = await startedAt(server);
    await server.stop();
    servers.length = 0;
    expect(await startedAt(await startHere(directory))).not.toBe(before);
  });

  it('comes back by itself when it is killed', async () => {
    const directory = dataDir();
    let isUp: () => void = () => undefined;
    const up = new Promise<void>((resolve) => (isUp = resolve));
    const server = await startHere(directory, { ...silent, info: () => isUp() });
    await ask(server, 'create table kept as select 42 as answer');
    const pid = postmaster(directory);
    process.kill(pid, 'SIGKILL');
    await up;
    expect(postmaster(directory)).not.toBe(pid);
    expect(await ask(server, 'select answer from kept')).toEqual({ answer: 42 });
  });

  it('starts after both it and its process were killed', async () => {
    const directory = dataDir();
    const holder = await startHolder(directory);
    const pid = postmaster(directory);
    await kill(holder, 'SIGKILL');
    process.kill(pid, 'SIGKILL');
    const server = await startHere(directory);
    expect(await ask(server, 'select 1 as one')).toEqual({ one: 1 });
  });

  it.each([
    ['no process', 2 ** 22 - 1],
    ['a process that is something else', process.pid],
  ])('starts over a pid file that names %s', async (_, pid) => {
    const directory = dataDir();
    const server = await startHere(directory);
    const file = join(server.home, 'data/postmaster.pid');
    const content = readFileSync(file, 'utf8').split('\n');
    await server.stop();
    servers.length = 0;
    writeFileSync(file, [String(pid), ...content.slice(1)].join('\n'), { mode: 0o600 });
    if (asRoot) chownSync(file, statSync(server.home).uid, statSync(server.home).gid);
    expect(await ask(await startHere(directory), 'select 1 as one')).toEqual({ one: 1 });
  });

  it('puts the socket elsewhere when the path is too long for one', async () => {
    const directory = join(dataDir(), 'd'.repeat(60), 'e'.repeat(60));
    mkdirSync(directory, { recursive: true });
    const server = await startHere(directory);
    expect(server.connection.host).toMatch(new RegExp(`^${tmpdir()}/itinera-[0-9a-f]{12}$`));
    expect(await ask(server, 'select 1 as one')).toEqual({ one: 1 });
    directories.push(server.connection.host!);
  });

  (asRoot ? it : it.skip)('runs for an ordinary user too, and for root afterwards', async () => {
    const directory = dataDir();
    chownSync(directory, 65_534, 65_534);
    const holder = await startHolder(directory, { uid: 65_534, gid: 65_534 });
    await kill(holder, 'SIGKILL');
    const server = await startHere(directory);
    expect(statSync(join(server.home, 'data')).uid).toBe(65_534);
    expect(await ask(server, 'select 1 as one')).toEqual({ one: 1 });
  });

  (asRoot ? it : it.skip)(
    'keeps its data where the unprivileged user can reach it when the directory is closed to it',
    async () => {
      const directory = join(dataDir(), 'closed');
      mkdirSync(directory, { mode: 0o700 });
      const server = await startHere(directory);
      expect(lstatSync(join(directory, 'postgres')).isSymbolicLink()).toBe(true);
      expect(server.home).toMatch(/^\/var\/lib\/itinera\//);
      await ask(server, 'create table kept as select 42 as answer');
      await server.stop();
      servers.length = 0;
      expect(await ask(await startHere(directory), 'select answer from kept')).toEqual({ answer: 42 });
      directories.push(server.home);
    },
  );
});
