import type { Json } from '../../kernel/json.js';
import { parseInstant } from '../../liquid/instant.js';
import { NEVER, numberOf, sqlText, sqlWhen, type Expected, type Operator, type OperatorGroup } from './operator.js';

type Bounds = { readonly kind: 'number' | 'time'; readonly low: number; readonly high: number };

/** Two numbers or two times, both ends included. */
function boundsOf({ value, rendered }: Expected): Bounds | null {
  if (!Array.isArray(value) || value.length !== 2) return null;
  const [first, second] = value as readonly Json[];
  const low = numberOf({ value: first, rendered });
  const high = numberOf({ value: second, rendered });
  if (low !== null && high !== null) return { kind: 'number', low, high };
  const from = typeof first === 'string' ? parseInstant(first.trim()) : null;
  const to = typeof second === 'string' ? parseInstant(second.trim()) : null;
  return from && to ? { kind: 'time', low: from.at, high: to.at } : null;
}

const between: Operator = {
  accepts: (value) => (boundsOf({ value, rendered: false }) ? null : 'two numbers or two times are needed, [from, to]'),
  holds: (actual, expected) => {
    const bounds = boundsOf(expected);
    if (!bounds) return false;
    const at = bounds.kind === 'number' ? actual : typeof actual === 'string' ? parseInstant(actual)?.at : undefined;
    return typeof at === 'number' && at >= bounds.low && at <= bounds.high;
  },
  sql: (actual, expected, { parameters }) => {
    const bounds = boundsOf(expected);
    if (!bounds) return NEVER;
    if (bounds.kind === 'number') {
      const [low, high] = [
        parameters.add(String(bounds.low), 'numeric'),
        parameters.add(String(bounds.high), 'numeric'),
      ];
      return sqlWhen(actual, 'number', `(${actual})::numeric between ${low} and ${high}`);
    }
    const [low, high] = [parameters.add(bounds.low, 'bigint'), parameters.add(bounds.high, 'bigint')];
    return sqlWhen(actual, 'string', `filter_instant(${sqlText(actual)}) between ${low} and ${high}`);
  },
};

export const betweenOperators: OperatorGroup = { between };
