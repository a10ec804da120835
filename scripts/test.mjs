/**
 * `npm test`: types, lint, format, then every test. All of it runs even when a part fails, and the last line says
 * `N passed, N failed`; a check that fails counts as one.
 *
 *   node scripts/test.mjs --only [pattern …]   tests alone, of the files whose path matches
 *   node scripts/test.mjs --soak [pattern …]   the long ones in test/soak/
 *   node scripts/test.mjs --schema             writes test/schema.sql anew from the migrations
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { finish, runJest } from './jest.mjs';
import { prepare, root } from './prepare.mjs';

const [mode, ...rest] = process.argv.slice(2);

function check(name, program, args) {
  const begun = performance.now();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, 'node_modules', program), ...args], { cwd: root });
    const output = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.on('close', (code) => {
      const seconds = ((performance.now() - begun) / 1000).toFixed(1);
      process.stdout.write(`${code === 0 ? '✓' : '✗'} ${name} (${seconds} s)\n`);
      if (code !== 0) process.stdout.write(Buffer.concat(output));
      resolve(code === 0);
    });
  });
}

await prepare({ build: mode === '--soak' });
if (mode === '--only') finish(runJest(rest));
if (mode === '--soak') {
  finish(
    runJest([
      '--testMatch',
      '**/test/soak/**/*.spec.ts',
      '--testPathIgnorePatterns',
      '/node_modules/',
      '--runInBand',
      ...rest,
    ]),
  );
}
if (mode === '--schema') {
  process.env.UPDATE_SCHEMA = '1';
  finish(runJest(['test/db/schema.spec.ts']));
}

// Two at a time: that is how many cores a small machine has.
const format = check('format', 'prettier/bin/prettier.cjs', ['--check', '.', '--log-level=warn']).then(
  async (formatted) => [
    formatted,
    await check('types', 'typescript/bin/tsc', ['-p', 'tsconfig.check.json', '--noEmit']),
  ],
);
const checks = [
  ...(await Promise.all([check('lint', 'eslint/bin/eslint.js', ['.', '--max-warnings=0']), format])),
].flat();
const broken = checks.filter((passed) => !passed).length;
// The tests of the application as shipped need a build.
await prepare();
const tests = runJest([mode, ...rest].filter((argument) => argument !== undefined));
finish({ ok: tests.ok && broken === 0, passed: tests.passed, failed: tests.failed + broken });
