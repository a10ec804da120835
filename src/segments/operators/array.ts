import type { Json } from '../../kernel/json.js';
import {
  isOneOf,
  isStorable,
  meanings,
  NEVER,
  sqlWhen,
  type Expected,
  type Operator,
  type OperatorGroup,
  type SqlMoment,
} from './operator.js';

const accepts = (value: Json | undefined): string | null =>
  value === undefined || value === null ? 'a value is needed' : null;

const includes = (actual: readonly Json[], expected: Expected): boolean => {
  const values = meanings(expected);
  return actual.some((item) => isOneOf(item, values));
};

function sqlIncludes(actual: string, expected: Expected, { parameters }: SqlMoment): string {
  const values = meanings(expected).filter(isStorable);
  if (values.length === 0) return NEVER;
  return `exists (select from jsonb_array_elements(${actual}) as item (value) where item.value = any (${parameters.jsonList(values)}))`;
}

const includesValue: Operator = {
  accepts,
  holds: (actual, expected) => Array.isArray(actual) && includes(actual, expected),
  sql: (actual, expected, moment) => sqlWhen(actual, 'array', sqlIncludes(actual, expected, moment)),
};

/** Of an array only: what is no array includes nothing and does not lack anything either. */
const doesNotIncludeValue: Operator = {
  accepts,
  holds: (actual, expected) => Array.isArray(actual) && meanings(expected).length > 0 && !includes(actual, expected),
  sql: (actual, expected, moment) =>
    meanings(expected).length === 0 ? NEVER : sqlWhen(actual, 'array', `not ${sqlIncludes(actual, expected, moment)}`),
};

export const arrayOperators: OperatorGroup = {
  includes_value: includesValue,
  does_not_include_value: doesNotIncludeValue,
};
