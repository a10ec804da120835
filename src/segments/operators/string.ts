import type { Json } from '../../kernel/json.js';
import { matchesPattern, patternProblem, toPostgresPattern } from '../pattern.js';
import {
  isStorable,
  NEVER,
  sqlText,
  sqlWhen,
  type Expected,
  type Operator,
  type OperatorGroup,
  type SqlMoment,
} from './operator.js';

const textNeeded = (value: Json | undefined): string | null => (typeof value === 'string' ? null : 'a text is needed');

function textOperator(
  holds: (actual: string, expected: string) => boolean,
  sqlFunction: (text: string, part: string) => string,
): Operator {
  return {
    accepts: textNeeded,
    holds: (actual, { value }) => typeof actual === 'string' && typeof value === 'string' && holds(actual, value),
    sql: (actual, { value }, { parameters }) =>
      typeof value === 'string' && isStorable(value)
        ? sqlWhen(actual, 'string', sqlFunction(sqlText(actual), parameters.add(value, 'text')))
        : NEVER,
  };
}

const startsWith = textOperator(
  (actual, part) => actual.startsWith(part),
  (text, part) => `starts_with(${text}, ${part})`,
);
const contains = textOperator(
  (actual, part) => actual.includes(part),
  (text, part) => `strpos(${text}, ${part}) > 0`,
);

function regexOperator(wanted: boolean): Operator {
  return {
    accepts: (value) => textNeeded(value) ?? patternProblem(value as string),
    holds: (actual, { value }) =>
      typeof actual === 'string' && typeof value === 'string' && matchesPattern(value, actual) === wanted,
    sql: (actual, expected, moment) => sqlMatches(actual, expected, moment, wanted),
  };
}

/** No SQL where the two dialects of regular expressions may differ. */
function sqlMatches(actual: string, { value }: Expected, { parameters }: SqlMoment, wanted: boolean): string | null {
  if (typeof value !== 'string' || patternProblem(value) !== null) return NEVER;
  const pattern = toPostgresPattern(value);
  if (pattern === null) return null;
  return sqlWhen(actual, 'string', `${sqlText(actual)} ${wanted ? '~' : '!~'} ${parameters.add(pattern, 'text')}`);
}

/** Case counts. A regular expression (RE2 syntax) may match anywhere unless it is anchored. */
export const stringOperators: OperatorGroup = {
  starts_with: startsWith,
  contains,
  matches_regex: regexOperator(true),
  does_not_match_regex: regexOperator(false),
};
