import type { FilterGroup } from './filter.js';
import { plainText } from './filter.js';

export const propertyFilters: FilterGroup = {
  /** A property by a computed name: `{{hash | property_accessor: 'key'}}`. Own properties only; nil when there is none. */
  property_accessor(value, key) {
    if (typeof value !== 'object' || value === null) return null;
    const name = plainText(key);
    if (Array.isArray(value)) return /^\d+$/.test(name) ? (value[Number(name)] as unknown) : null;
    return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : null;
  },
};
