import { arrayOperators } from './array.js';
import { betweenOperators } from './between.js';
import { equalityOperators } from './equality.js';
import { existenceOperators } from './existence.js';
import { numberOperators } from './number.js';
import type { Operator } from './operator.js';
import { stringOperators } from './string.js';
import { timeOperators } from './time.js';

/** Every operator a comparison may have, in the order of the contract. */
export const OPERATOR_NAMES = [
  'equals', 'not_equal', 'exists', 'does_not_exist', 'matches_regex', 'does_not_match_regex', 'starts_with', 'contains',
  'greater_than', 'greater_than_or_equal_to', 'less_than', 'less_than_or_equal_to', 'between', 'in', 'not_in',
  'includes_value', 'does_not_include_value', 'before', 'after', 'less_than_x_days_ago', 'greater_than_x_days_ago',
  'less_than_x_days_in_the_future', 'greater_than_x_days_in_the_future', 'day_of_year_is',
] as const; // prettier-ignore

export type OperatorName = (typeof OPERATOR_NAMES)[number];

/** Those that ask about a time, which an event's last occurrence has. */
export const TIME_OPERATOR_NAMES = [
  'before', 'after', 'less_than_x_days_ago', 'greater_than_x_days_ago', 'less_than_x_days_in_the_future',
  'greater_than_x_days_in_the_future', 'day_of_year_is',
] as const; // prettier-ignore

const groups: Readonly<Record<string, Operator>> = {
  ...equalityOperators,
  ...existenceOperators,
  ...stringOperators,
  ...numberOperators,
  ...betweenOperators,
  ...arrayOperators,
  ...timeOperators,
};

export const OPERATORS = groups as Readonly<Record<OperatorName, Operator>>;
