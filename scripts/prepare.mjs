/**
 * Makes a checkout ready to run: installs packages and builds when they are missing or stale, and does nothing when they
 * are not. Plain JavaScript without dependencies, because it runs before there are any.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const OLDEST_NODE = [20, 19];

export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    fail(`Node ${OLDEST_NODE.join('.')} or newer is needed, this is ${process.versions.node}`);
  }
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** Runs a program to its end; false when it failed. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) process.stderr.write(`${command}: ${error.message}\n`);
  return status === 0;
}

/** Two starts at once on one checkout: one prepares, the other waits for it. */
async function exclusively(work) {
  const lock = join(root, '.build', 'lock');
  mkdirSync(dirname(lock), { recursive: true });
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (!holderLives(lock)) rmSync(lock, { force: true });
      else await pause(200);
    }
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function holderLives(lock) {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

const readJson = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));

/** Every package of the lock file is there in its version; those for other platforms may be missing. */
export function isInstalled() {
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return false;
  const present = readJson('node_modules/.package-lock.json').packages;
  return Object.entries(readJson('package-lock.json').packages).every(
    ([path, locked]) =>
      path === '' ||
      (present[path] ? present[path].version === locked.version : locked.optional || locked.devOptional || locked.peer),
  );
}

function npm(...args) {
  const quiet = ['--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const cli = process.env.npm_execpath;
  return cli
    ? run(process.execPath, [cli, ...args, ...quiet])
    : run('npm', [...args, ...quiet], { shell: process.platform === 'win32' });
}

function install() {
  process.stdout.write('Installing packages …\n');
  // A lock file made where the registry lacks a package for another platform is refused as incomplete by `npm ci`.
  if (!npm('ci') && !npm('install', '--no-save')) fail('The packages could not be installed.');
}

function* files(directory) {
  for (const entry of readdirSync(join(root, directory), { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) yield* files(path);
    else if (entry.name.endsWith('.ts') && !entry.name.endsWith('.spec.ts')) yield path;
  }
}

/** A digest of all that the build is made from. */
export function sourceDigest() {
  const hash = createHash('sha256');
  for (const path of ['package-lock.json', '.swcrc', ...files('migrations'), ...files('src')]) {
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(root, path)))
      .update('\0');
  }
  return hash.digest('hex');
}

const STAMP = join(root, 'dist', '.source');

export function isBuilt(digest = sourceDigest()) {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === digest;
}

/** Types are checked by `npm test`; to run, stripping them is enough, and takes a second instead of half a minute. */
async function build(digest) {
  process.stdout.write('Building …\n');
  rmSync(STAMP, { force: true });
  const { transformFile } = await import('@swc/core');
  const sources = [...files('migrations'), ...files('src')];
  await Promise.all(
    sources.map(async (path) => {
      const target = join(root, 'dist', path.replace(/\.ts$/, '.js'));
      const sourceFileName = relative(dirname(target), join(root, path));
      const { code } = await transformFile(join(root, path), {
        cwd: root,
        configFile: join(root, '.swcrc'),
        sourceFileName,
      });
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, code);
    }),
  );
  for (const directory of ['src', 'migrations']) prune(directory);
  writeFileSync(STAMP, digest);
}

/** What was built from sources that are gone must not stay. */
function prune(directory) {
  for (const entry of readdirSync(join(root, 'dist', directory), { withFileTypes: true })) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) prune(path);
    else if (!path.endsWith('.js') || !existsSync(join(root, path.replace(/\.js$/, '.ts'))))
      rmSync(join(root, 'dist', path));
  }
}

export async function prepare({ build: wantsBuild = true } = {}) {
  checkNode();
  // An image that carries the build alone.
  if (!existsSync(join(root, 'src'))) return;
  if (isInstalled() && (!wantsBuild || isBuilt())) return;
  await exclusively(async () => {
    if (!isInstalled()) install();
    if (!wantsBuild) return;
    const digest = sourceDigest();
    if (!isBuilt(digest)) await build(digest);
  });
}
