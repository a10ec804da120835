import type { Filter, Leaf } from './shape.js';

/** The leaves of a filter, those of `where` included. `path`: JSON Pointer parts; `inEvent`: it is about a past event. */
export function* leavesOf(
  filter: Filter,
  path: readonly (string | number)[] = [],
  inEvent = false,
): Generator<{ leaf: Leaf; path: readonly (string | number)[]; inEvent: boolean }> {
  if ('all' in filter) yield* each(filter.all, 'all', path, inEvent);
  else if ('any' in filter) yield* each(filter.any, 'any', path, inEvent);
  else if ('not' in filter) yield* leavesOf(filter.not, [...path, 'not'], inEvent);
  else {
    yield { leaf: filter, path, inEvent };
    if ('where' in filter && filter.where !== undefined) yield* leavesOf(filter.where, [...path, 'where'], true);
  }
}

function* each(
  filters: readonly Filter[],
  key: string,
  path: readonly (string | number)[],
  inEvent: boolean,
): ReturnType<typeof leavesOf> {
  for (const [i, filter] of filters.entries()) yield* leavesOf(filter, [...path, key, i], inEvent);
}
