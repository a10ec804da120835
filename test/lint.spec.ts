import { spawnSync } from 'node:child_process';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const directory = fileURLToPath(new URL('fixtures/lint/', import.meta.url));
const eslint = fileURLToPath(new URL('../node_modules/eslint/bin/eslint.js', import.meta.url));

/** Bad file → the rule that must catch it. */
const CAUGHT: Readonly<Record<string, string>> = {
  'api/reaches-store.ts': 'import-x/no-restricted-paths',
  'delivery/meets-engine.ts': 'import-x/no-restricted-paths',
  'engine/meets-delivery.ts': 'import-x/no-restricted-paths',
  'kernel/upward.ts': 'import-x/no-restricted-paths',
  'profiles/cycle-a.ts': 'import-x/no-cycle',
  'profiles/cycle-b.ts': 'import-x/no-cycle',
  'engine/unresolved.ts': 'import-x/no-unresolved',
  'journey/clock.ts': 'no-restricted-syntax',
  'journey/random.ts': 'no-restricted-syntax',
  'journey/later.ts': 'no-restricted-syntax',
  'journey/reads.ts': 'no-restricted-imports',
  'journey/nest.ts': 'no-restricted-imports',
  'engine/machine.ts': 'no-restricted-imports',
  'engine/request.ts': 'no-restricted-imports',
  'engine/pool.ts': 'no-restricted-imports',
  'engine/orm.ts': 'no-restricted-imports',
  'engine/statement.ts': 'no-restricted-imports',
  'engine/forward.ts': 'no-restricted-imports',
  'engine/text.ts': 'no-restricted-syntax',
  'engine/environment.ts': 'no-restricted-syntax',
  'engine/swallow.ts': 'no-restricted-syntax',
  'engine/wide.ts': 'no-restricted-syntax',
  'engine/barrel.ts': 'no-restricted-syntax',
  'engine/index.ts': 'no-restricted-syntax',
  'engine/floating.ts': '@typescript-eslint/no-floating-promises',
  'engine/loose.ts': '@typescript-eslint/no-explicit-any',
  'engine/long.ts': 'max-lines',
};

describe('the rules of the house', () => {
  const found = new Map<string, Set<string>>();
  beforeAll(() => {
    const { stdout, stderr } = spawnSync(process.execPath, [eslint, '.', '-f', 'json'], {
      cwd: directory,
      encoding: 'utf8',
    });
    if (stdout === '') throw new Error(stderr);
    for (const { filePath, messages } of JSON.parse(stdout) as {
      filePath: string;
      messages: { ruleId: string | null }[];
    }[]) {
      found.set(relative(`${directory}src`, filePath), new Set(messages.map(({ ruleId }) => ruleId ?? 'broken')));
    }
  });

  it.each(Object.entries(CAUGHT))('catch %s by %s', (file, rule) => {
    expect([...(found.get(file) ?? [])]).toContain(rule);
  });

  it('leave good files alone', () => {
    const good = [...found].filter(([file]) => !(file in CAUGHT));
    expect(good.length).toBeGreaterThan(3);
    expect(good.filter(([, rules]) => rules.size > 0)).toEqual([]);
  });
});
