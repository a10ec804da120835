/** A filter has two readings, memory and SQL: whatever the profiles, their past and the filter, they say the same. */
import fc from 'fast-check';
import { checkFilter, filterNeeds, filterSchema, type Filter } from '../../src/segments/filter.js';
import { evaluate } from '../../src/segments/evaluate.js';
import { OPERATOR_NAMES } from '../../src/segments/operators/registry.js';
import type { Subject } from '../../src/segments/subject.js';
import { toSql } from '../../src/segments/to-sql.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { ATTRIBUTES, COMPANY, filter, NOW, profile, PROFILES, right, WORKSPACE } from './filter-arbitraries.js';
import { populate } from './filter-population.js';

/** More of them find more: FILTER_RUNS=20000. */
const RUNS = Number(process.env['FILTER_RUNS'] ?? 600);

let db: TestDatabase;
let subjects: Map<string, Subject>;

beforeAll(async () => {
  db = await openTestDatabase();
  subjects = await populate(db.database, fc.sample(profile, { numRuns: PROFILES, seed: 7 }));
});
afterAll(() => db.close());

async function idsInSql(wanted: Filter): Promise<{ ids: Set<string>; exact: boolean }> {
  const { text: condition, values, exact } = toSql(wanted, { now: NOW, companyTimeZone: COMPANY, firstParameter: 2 });
  const rows = await db.database.query<{ id: string; holds: boolean | null }>(
    `select p.id, (${condition}) as holds from profile p where p.workspace = $1`,
    [WORKSPACE, ...values],
  );
  expect(rows).toHaveLength(PROFILES);
  expect(rows.every(({ holds }) => holds !== null)).toBe(true);
  return { ids: new Set(rows.filter(({ holds }) => holds).map(({ id }) => id)), exact };
}

function idsInMemory(wanted: Filter): Set<string> {
  return new Set([...subjects].filter(([, subject]) => evaluate(wanted, subject, NOW).holds).map(([id]) => id));
}

async function agree(wanted: Filter): Promise<void> {
  const { ids, exact } = await idsInSql(wanted);
  const expected = idsInMemory(wanted);
  const missing = [...expected].filter((id) => !ids.has(id));
  const extra = exact ? [...ids].filter((id) => !expected.has(id)) : [];
  const shown = [...missing, ...extra].map((id) => subjects.get(id)!.profile);
  expect({ filter: wanted, missing: missing.length, extra: extra.length, shown }).toEqual({
    filter: wanted,
    missing: 0,
    extra: 0,
    shown: [],
  });
}

/** Many filters in one statement, a column each. */
async function agreeOnAll(filters: readonly Filter[]): Promise<void> {
  const values: unknown[] = [WORKSPACE];
  const conditions = filters.map((wanted) => {
    const condition = toSql(wanted, { now: NOW, companyTimeZone: COMPANY, firstParameter: values.length + 1 });
    values.push(...condition.values);
    return condition;
  });
  const columns = conditions.map(({ text: condition }) => `(${condition})`).join(', ');
  const rows = await db.database.query<{ id: string; holds: (boolean | null)[] }>(
    `select p.id, array[${columns}] as holds from profile p where p.workspace = $1`,
    values,
  );
  for (const { id, holds } of rows) {
    filters.forEach((wanted, i) => {
      const subject = subjects.get(id)!;
      const expected = evaluate(wanted, subject, NOW).holds;
      const agreed = conditions[i]!.exact
        ? holds[i] === expected
        : holds[i] === true || (holds[i] === false && !expected);
      if (!agreed)
        expect({ filter: wanted, sql: holds[i], profile: subject.profile }).toEqual({
          filter: wanted,
          sql: expected,
          profile: subject.profile,
        });
    });
  }
  expect(rows).toHaveLength(PROFILES);
}

describe('a filter in SQL and in memory', () => {
  it('says the same for any profiles and any filter, or in SQL a little more where SQL cannot say it', async () => {
    let exact = 0;
    let decisive = 0;
    await fc.assert(
      fc.asyncProperty(filter, async (wanted) => {
        await agree(wanted);
        if (toSql(wanted, { now: NOW, companyTimeZone: COMPANY }).exact) exact++;
        const size = idsInMemory(wanted).size;
        if (size > 0 && size < PROFILES) decisive++;
      }),
      { numRuns: RUNS },
    );
    // The property would be worth little if most filters held for all or for none.
    expect(exact).toBeGreaterThan(RUNS * 0.6);
    expect(decisive).toBeGreaterThan(RUNS * 0.25);
  });

  it('agrees for every operator on every attribute', async () => {
    for (const op of OPERATOR_NAMES) {
      for (const value of fc.sample(right(op), { numRuns: 12, seed: 11 })) {
        await agreeOnAll(ATTRIBUTES.map((attribute) => ({ attribute, op, ...(value === undefined ? {} : { value }) })));
      }
    }
  }, 180_000);

  it('takes every generated filter through the schema', () => {
    fc.assert(
      fc.property(filter, (wanted) => {
        const parsed = filterSchema.safeParse(JSON.parse(JSON.stringify(wanted)));
        expect(parsed.error?.issues ?? []).toEqual([]);
        expect(Array.isArray(checkFilter(wanted, ''))).toBe(true);
        expect(filterNeeds(wanted).history.every(({ name }) => name !== '')).toBe(true);
      }),
    );
  });
});
