import fc from 'fast-check';
import { parseInstant } from '../../src/liquid/instant.js';
import { matchesPattern, patternProblem, toPostgresPattern } from '../../src/segments/pattern.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { TIMES } from './filter-arbitraries.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

describe('the parts that both readings share', () => {
  it('reads moments alike', async () => {
    const digits = (n: number): fc.Arbitrary<string> =>
      fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: n, maxLength: n });
    const near = fc
      .tuple(
        fc.oneof(digits(4), fc.constantFrom('2024', '1900', '2000', '0001', '9999')),
        fc.constantFrom('01', '02', '06', '12', '00', '13'),
        fc.constantFrom('01', '28', '29', '30', '31', '32', '00'),
        fc.constantFrom(
          '',
          'T00:00',
          'T23:59:59',
          ' 12:30:15.5',
          'T12:30:15:250',
          'T24:00',
          'T12:60',
          'T12:30:60',
          'T12:30:15.123456789',
          'T1:2',
        ),
        fc.constantFrom('', 'Z', '+01:00', '-0530', '+14', ' +02:00', '+16:00', '-15:59', '+01:60', 'z', 'UTC'),
      )
      .map(([y, m, d, t, z]) => `${y}-${m}-${d}${t}${z}`);
    const texts = [...fc.sample(near, { numRuns: 3000, seed: 3 }), ...TIMES, '', 'x', '2026-11-24\n', '٢٠٢٦-١١-٢٤'];
    const rows = await db.database.query<{ at: string | null }>(
      'select filter_instant(value) as at from unnest($1::text[]) with ordinality as t (value, n) order by n',
      [texts],
    );
    const inSql = rows.map(({ at }) => (at === null ? null : Number(at)));
    expect(inSql).toEqual(texts.map((value) => parseInstant(value)?.at ?? null));
  });

  it('reads the regular expressions it translates alike', async () => {
    const atom = fc.constantFrom(
      'a',
      'b',
      ' ',
      '.',
      '\\d',
      '\\w',
      '\\S',
      '[a-c]',
      '[^a-c\\d]',
      '[-_.]',
      '[\\]x]',
      '\\.',
      '\\n',
      'ö',
      '😀',
      '_',
      '-',
      '(?:ab|b)',
      '(a|bc)',
      '%',
      '@',
      '/',
      '\\\\',
      '\\D',
      '[\\w-]',
    );
    const repeated = fc.tuple(atom, fc.constantFrom('', '', '*', '+', '?', '*?', '{2}', '{0,2}', '{1,}'));
    const pattern = fc
      .tuple(
        fc.constantFrom('', '^'),
        fc.array(repeated, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('', '$'),
        fc.constantFrom('', '|b+$'),
      )
      .map(([start, parts, end, other]) => start + parts.map((part) => part.join('')).join('') + end + other);
    const value = fc.string({ unit: fc.constantFrom(...'abc 12._-\nö\\x]@/%😀Aİ\u00a0'), maxLength: 8 });
    const patterns = fc.sample(pattern, { numRuns: 1500, seed: 5 });
    const values = fc.sample(value, { numRuns: 40, seed: 6 });
    const translated = patterns.filter((one) => patternProblem(one) === null && toPostgresPattern(one) !== null);
    expect(translated.length).toBeGreaterThan(patterns.length * 0.8);
    const rows = await db.database.query<{ holds: boolean }>(
      'select v.value ~ q.pattern as holds from unnest($1::text[]) with ordinality as q (pattern, n) cross join unnest($2::text[]) with ordinality as v (value, m) order by q.n, v.m',
      [translated.map((one) => toPostgresPattern(one)), values],
    );
    const differences = rows.flatMap(({ holds }, i) => {
      const one = translated[Math.floor(i / values.length)]!;
      const against = values[i % values.length]!;
      return holds === matchesPattern(one, against)
        ? []
        : [{ pattern: one, sql: toPostgresPattern(one), against, holds }];
    });
    expect(differences.slice(0, 5)).toEqual([]);
  });
});
