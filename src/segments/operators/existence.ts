import type { Operator, OperatorGroup } from './operator.js';

const needsNothing = (value: unknown): string | null => (value === undefined ? null : 'this operator takes no value');

/** A value is there when it is not null; an empty text or array is there. */
const exists: Operator = {
  accepts: needsNothing,
  holds: () => true,
  sql: (actual) => `jsonb_typeof(${actual}) <> 'null'`,
};

const doesNotExist: Operator = {
  accepts: needsNothing,
  holds: () => false,
  sql: (actual) => `coalesce(jsonb_typeof(${actual}) = 'null', true)`,
};

export const existenceOperators: OperatorGroup = { exists, does_not_exist: doesNotExist };
