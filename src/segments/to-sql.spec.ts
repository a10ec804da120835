import type { Filter } from './filter.js';
import { toPostgresPattern } from './pattern.js';
import { isSqlable, toSql } from './to-sql.js';

const OPTIONS = { now: 1_000, companyTimeZone: 'UTC' };

describe('a filter as SQL', () => {
  it('has values as parameters only, numbered from where it is told', () => {
    const hostile = `x'); drop table profile; --`;
    const { text, values } = toSql(
      {
        all: [
          { attribute: hostile, op: 'equals', value: hostile },
          { event: hostile },
          { journey: hostile, is: 'entered' },
        ],
      },
      { ...OPTIONS, firstParameter: 5 },
    );
    expect(text).not.toContain('drop table');
    expect(text).toContain('$5::text');
    expect(new Set(text.match(/\$\d+/g))).toEqual(new Set(values.map((_, i) => `$${i + 5}`)));
    expect(values).toContain(hostile);
  });

  it.each<[Filter, boolean]>([
    [{ attribute: 'x', op: 'equals', value: 1 }, true],
    [{ attribute: 'x', op: 'equals', value: '{{context.${y}}}' }, true],
    [{ attribute: 'x', op: 'equals', value: "{{ 'now' | date: '%F' }}" }, true],
    [{ attribute: 'x', op: 'equals', value: '{{custom_attribute.${y}}}' }, false],
    [{ attribute: 'x', op: 'matches_regex', value: '^a+$' }, true],
    [{ attribute: 'x', op: 'matches_regex', value: '(?i)a' }, false],
    [{ event: 'e', where: { property: 'x', op: 'equals', value: '{{${first_name}}}' } }, false],
    [{ journey: 'j', is: 'completed' }, true],
    [{ journey: 'j', is: 'converted' }, false],
    [{ segment: 's' }, true],
  ])('%j is exact: %s', (filter, exact) => {
    expect(isSqlable(filter)).toBe(exact);
  });

  it('widens what it cannot say, also under not', () => {
    const unsayable: Filter = { journey: 'j', is: 'converted' };
    expect(toSql(unsayable, OPTIONS)).toEqual({ text: 'true', values: [], exact: false });
    expect(toSql({ not: unsayable }, OPTIONS)).toEqual({ text: 'not (false)', values: [], exact: false });
    expect(toSql({ not: { not: unsayable } }, OPTIONS).text).toBe('not (not (true))');
  });

  it('has no entry and no event outside of where', () => {
    expect(toSql({ context: 'x', op: 'exists' }, OPTIONS)).toEqual({ text: 'false', values: [], exact: true });
    expect(toSql({ property: 'x', op: 'does_not_exist' }, OPTIONS)).toEqual({ text: 'true', values: [], exact: true });
  });
});

describe('regular expressions for PostgreSQL', () => {
  it.each([
    ['^a.b$', '^a[^\\n]b$'],
    ['\\d+', '[0-9]+'],
    ['[\\w.-]+@', '[0-9A-Za-z_\\.\\-]+@'],
    ['(a|b)*?', '(?:a|b)*'],
    ['a{2,3}', 'a{2,3}'],
    ['\\S', '[^\\t\\n\\f\\r ]'],
    ['(?i)a', null],
    ['\\bx', null],
    ['\\pL', null],
    ['a|', null],
    ['[[:alpha:]]', null],
    ['a{300}', null],
    ['^*', null],
  ])('%s → %s', (pattern, expected) => {
    expect(toPostgresPattern(pattern)).toBe(expected);
  });
});
