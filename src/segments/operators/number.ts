import type { Json } from '../../kernel/json.js';
import { NEVER, numberOf, sqlWhen, type Operator, type OperatorGroup, type SqlMoment } from './operator.js';

const numberNeeded = (value: Json | undefined): string | null =>
  typeof value === 'number' ? null : 'a number is needed';

/** A jsonb number against a JavaScript one, both exact: their shortest decimals order as the numbers do. */
export function sqlNumber(actual: string, comparison: string, value: number, { parameters }: SqlMoment): string {
  return sqlWhen(actual, 'number', `(${actual})::numeric ${comparison} ${parameters.add(String(value), 'numeric')}`);
}

function comparison(sign: '>' | '>=' | '<' | '<=', holds: (actual: number, expected: number) => boolean): Operator {
  return {
    accepts: numberNeeded,
    holds: (actual, expected) => {
      const number = numberOf(expected);
      return typeof actual === 'number' && number !== null && holds(actual, number);
    },
    sql: (actual, expected, moment) => {
      const number = numberOf(expected);
      return number === null ? NEVER : sqlNumber(actual, sign, number, moment);
    },
  };
}

export const numberOperators: OperatorGroup = {
  greater_than: comparison('>', (a, b) => a > b),
  greater_than_or_equal_to: comparison('>=', (a, b) => a >= b),
  less_than: comparison('<', (a, b) => a < b),
  less_than_or_equal_to: comparison('<=', (a, b) => a <= b),
};
