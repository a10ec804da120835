/** One PostgreSQL server process: making its data directory, its settings, starting it, finding and stopping it. */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { AppError } from '../kernel/errors.js';
import { prepareBinaries, SOCKET_PORT, type Binaries, type PostgresHome } from './postgres-files.js';

export const SUPERUSER = 'itinera';
const STOP_LIMIT_MS = 60_000;
const LOG_LIMIT_BYTES = 10 * 1024 * 1024;
/** Nothing of the caller's environment (PGDATA, locale, …) may reach the server. */
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

export type Settings = Readonly<Record<string, string | number>>;

/**
 * Settings for many short batch transactions over a few connections: committed means on disk; checkpoints are rare and
 * spread, so that full-page images do not dominate the log; the queue-like tables are vacuumed within seconds.
 */
export function tunedSettings(): Settings {
  const megabytes = Math.floor(totalmem() / 1024 / 1024);
  return {
    listen_addresses: '',
    max_connections: 60,
    shared_buffers: `${Math.max(128, Math.min(2048, Math.floor(megabytes / 5)))}MB`,
    effective_cache_size: `${Math.max(256, Math.floor(megabytes / 2))}MB`,
    work_mem: '16MB',
    maintenance_work_mem: '128MB',
    synchronous_commit: 'on',
    wal_buffers: '32MB',
    min_wal_size: '512MB',
    max_wal_size: '4GB',
    checkpoint_timeout: '15min',
    checkpoint_completion_target: 0.9,
    random_page_cost: 1.1,
    autovacuum_naptime: '5s',
    autovacuum_max_workers: availableParallelism() > 3 ? 3 : 2,
    autovacuum_vacuum_cost_limit: 2000,
    // Statements here run for milliseconds: compiling one costs more than running it.
    jit: 'off',
    max_parallel_workers_per_gather: 0,
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
  };
}

export class PostgresServer {
  private readonly binaries: Binaries;

  constructor(
    readonly files: PostgresHome,
    private readonly settings: Settings,
  ) {
    this.binaries = prepareBinaries(files);
  }

  /** Makes the data directory if there is none. A half-made one is never seen: it is made aside and renamed. */
  async initialise(sync = true): Promise<void> {
    const { home, data, runAs } = this.files;
    const version = join(data, 'PG_VERSION');
    if (existsSync(version)) {
      const major = readFileSync(version, 'utf8').trim();
      if (major === this.binaries.major) return;
      throw new AppError(
        'data_dir_version',
        `${data} was made by PostgreSQL ${major}, this is ${this.binaries.major}: dump and load it, or set DATABASE_URL`,
      );
    }
    for (const name of readdirSync(home)) {
      const pid = /^data\.new\.(\d+)$/.exec(name)?.[1];
      if (pid && !isAlive(Number(pid))) rmSync(join(home, name), { recursive: true, force: true });
    }
    const fresh = join(home, `data.new.${process.pid}`);
    mkdirSync(fresh, { mode: 0o700 });
    if (runAs) chownSync(fresh, runAs.uid, runAs.gid);
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const options = ['-D', fresh, '-U', SUPERUSER, '--auth-local=trust', '--auth-host=reject', '--no-instructions'];
    try {
      await promisify(execFile)(this.binaries.initdb, [...options, ...locale, ...(sync ? [] : ['--no-sync'])], {
        ...runAs,
        cwd: home,
        env: ENVIRONMENT,
      });
      renameSync(fresh, data);
    } catch (error) {
      rmSync(fresh, { recursive: true, force: true });
      // Two first starts at once: the other one was quicker.
      if (existsSync(version)) return;
      const output = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
      throw new AppError(
        'initdb_failed',
        `the data directory could not be made: ${output.trim() || String(error)}`,
        {},
        error,
      );
    }
  }

  /** Starts the server in a session of its own: a Ctrl-C in the terminal does not reach it, nor does our end. */
  spawn(): ChildProcess {
    const { home, data, socket, log, runAs } = this.files;
    if (existsSync(log) && statSync(log).size > LOG_LIMIT_BYTES) renameSync(log, `${log}.1`);
    const output = openSync(log, 'a', 0o600);
    const settings = Object.entries(this.settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(this.binaries.postgres, ['-D', data, '-k', socket, '-p', String(SOCKET_PORT), ...settings], {
      ...runAs,
      cwd: home,
      env: ENVIRONMENT,
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    child.unref();
    return child;
  }

  /**
   * Process id of a server that runs on our data directory, from its pid file. A file that names a process which is
   * not such a server (ids are used again, above all in containers; a zombie has no command line) would keep
   * PostgreSQL from starting and is removed; one that names no process is left to PostgreSQL.
   */
  runningPid(): number | null {
    const { data, socket } = this.files;
    const file = join(data, 'postmaster.pid');
    const pid = existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : Number.NaN;
    if (Number.isNaN(pid) || !isAlive(pid)) return null;
    if (this.isOurs(pid)) return pid;
    rmSync(file, { force: true });
    rmSync(join(socket, `.s.PGSQL.${SOCKET_PORT}.lock`), { force: true });
    return null;
  }

  private isOurs(pid: number): boolean {
    const command = commandLine(pid);
    return /postgres(\0| )/.test(command) && command.includes(this.files.data);
  }

  /** Fast shutdown: sessions are ended, everything is written. Never a SIGKILL. False: it was still there after a minute. */
  async stop(pid: number): Promise<boolean> {
    const deadline = performance.now() + STOP_LIMIT_MS;
    if (this.isOurs(pid)) process.kill(pid, 'SIGINT');
    while (this.isOurs(pid)) {
      if (performance.now() > deadline) return false;
      await sleep(20);
    }
    return true;
  }

  /** The end of the server's log, for a message that explains why it did not start. */
  logTail(): string {
    return existsSync(this.files.log)
      ? readFileSync(this.files.log, 'utf8').trimEnd().split('\n').slice(-8).join('\n')
      : '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: alive, and somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function commandLine(pid: number): string {
  try {
    return process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      : execFileSync('/bin/ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' });
  } catch {
    // It ended in the meantime.
    return '';
  }
}
