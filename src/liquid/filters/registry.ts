import type { FilterImplOptions, Liquid } from 'liquidjs';
import { digestFilters } from './digest.js';
import { jsonFilters } from './json.js';
import { numberFilters } from './number.js';
import { propertyFilters } from './property.js';
import { timeFilters } from './time.js';
import { urlFilters } from './url.js';

/**
 * Filters of liquidjs that a template may not have: those that evaluate text as code (they would hide what a template
 * reads), nest arrays without end, draw random numbers, or read the machine's clock and zone.
 */
const REFUSED = [
  'where_exp', 'reject_exp', 'group_by_exp', 'has_exp', 'find_exp', 'find_index_exp', 'push', 'unshift', 'sample',
  'date_to_xmlschema', 'date_to_rfc822', 'date_to_string', 'date_to_long_string', 'inspect',
] as const; // prettier-ignore

const GROUPS = [digestFilters, jsonFilters, numberFilters, propertyFilters, timeFilters, urlFilters];

export function registerFilters(liquid: Liquid): void {
  for (const name of REFUSED) delete liquid.filters[name];
  for (const group of GROUPS) {
    for (const [name, filter] of Object.entries(group)) liquid.registerFilter(name, filter as FilterImplOptions);
  }
}
