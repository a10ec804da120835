/** `npm run bench`: prepares, installs the peers, builds bench/ with the sources it measures, and runs it. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { prepare, root, run } from './prepare.mjs';

await prepare();
const bench = join(root, 'bench');
if (!existsSync(join(bench, 'node_modules/.package-lock.json'))) {
  const installed = run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: bench });
  if (!installed) process.exit(1);
}

const { transformFile } = await import('@swc/core');
const out = join(bench, 'dist');
rmSync(out, { recursive: true, force: true });
const sources = ['src', 'migrations', 'bench'].flatMap((directory) =>
  readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
    .filter(
      (path) => path.endsWith('.ts') && !path.endsWith('.spec.ts') && !/(^|[\\/])(node_modules|dist)[\\/]/.test(path),
    )
    .map((path) => join(directory, path)),
);
await Promise.all(
  sources.map(async (path) => {
    const { code } = await transformFile(join(root, path), { cwd: root, configFile: join(root, '.swcrc') });
    const target = join(out, path.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, code);
  }),
);
const done = run(process.execPath, [join(out, 'bench/main.js'), ...process.argv.slice(2)]);
process.exit(done ? 0 : 1);
