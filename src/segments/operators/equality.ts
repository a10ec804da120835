import type { Json } from '../../kernel/json.js';
import { isOneOf, isStorable, listMeanings, meanings, NEVER, typeOf } from './operator.js';
import type { SqlMoment, Expected, Operator, OperatorGroup } from './operator.js';

const MAX_LIST = 1000;

function equality(
  of: (expected: Expected) => readonly Json[],
  accepts: Operator['accepts'],
): { same: Operator; other: Operator } {
  return {
    same: {
      accepts,
      holds: (actual, expected) => isOneOf(actual, of(expected)),
      sql: (actual, expected, moment) => sqlSame(actual, of(expected), moment),
    },
    /** Of the type of what it is compared with, and not equal to it. */
    other: {
      accepts,
      holds: (actual, expected) => {
        const values = of(expected);
        return values.some((value) => typeOf(value) === typeOf(actual)) && !isOneOf(actual, values);
      },
      sql: (actual, expected, moment) => {
        const values = of(expected);
        if (values.length === 0) return NEVER;
        const types = moment.parameters.add([...new Set(values.map(typeOf))], 'text[]');
        return `(jsonb_typeof(${actual}) = any (${types}) and not ${sqlSame(actual, values, moment)})`;
      },
    },
  };
}

function sqlSame(actual: string, values: readonly Json[], { parameters }: SqlMoment): string {
  const storable = values.filter(isStorable);
  return storable.length === 0 ? NEVER : `(${actual} = any (${parameters.jsonList(storable)}))`;
}

const one = equality(meanings, (value) =>
  value === undefined || value === null ? 'a value is needed (does_not_exist asks for null)' : null,
);
const list = equality(listMeanings, (value) => {
  if (!Array.isArray(value) || value.length === 0) return 'a list of values is needed';
  return value.length > MAX_LIST ? `at most ${MAX_LIST} values` : null;
});

/** Any type: text, number, boolean, array (order counts), object (order does not). */
export const equalityOperators: OperatorGroup = {
  equals: one.same,
  not_equal: one.other,
  in: list.same,
  not_in: list.other,
};
