import { textOf, type Filter, type FilterGroup } from './filter.js';

/** A value as JSON. Nil is `null`, so that the result is JSON whatever the value. */
const json: Filter = function (value) {
  const { memoryLimit } = this.context;
  const text = JSON.stringify(value === undefined ? null : value, (_key, inner: unknown) => {
    memoryLimit.use(typeof inner === 'string' ? inner.length + 2 : Array.isArray(inner) ? inner.length + 2 : 4);
    return inner;
  });
  return text ?? 'null';
};

export const jsonFilters: FilterGroup = {
  json,
  jsonify: json,
  as_json_string: json,
  /** Escapes a text so that it can stand between the quotes of a JSON string. */
  json_escape(value) {
    return JSON.stringify(textOf(this, value)).slice(1, -1);
  },
};
