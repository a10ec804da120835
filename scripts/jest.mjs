import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './prepare.mjs';

/** Runs Jest with `args`; the result counts tests, and suites that did not get as far as their tests as one failure each. */
export function runJest(args) {
  const report = join(root, '.build', `jest-${process.pid}.json`);
  mkdirSync(join(root, '.build'), { recursive: true });
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const jest = join(root, 'node_modules/jest/bin/jest.js');
  const { status } = spawnSync(process.execPath, [...flags, jest, '--json', `--outputFile=${report}`, ...args], {
    cwd: root,
    // With --json the report goes to stdout too; the file is enough.
    stdio: ['inherit', 'ignore', 'inherit'],
  });
  if (!existsSync(report)) return { ok: false, passed: 0, failed: 1 };
  const result = JSON.parse(readFileSync(report, 'utf8'));
  rmSync(report);
  return {
    ok: status === 0,
    passed: result.numPassedTests,
    failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
  };
}

export function finish({ ok, passed, failed }) {
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exit(ok && failed === 0 ? 0 : 1);
}
