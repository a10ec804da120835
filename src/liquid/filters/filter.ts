import type { Context } from 'liquidjs';
import type { LiquidScope } from '../scope.js';

/** What liquidjs binds as `this` of a filter. */
export interface FilterThis {
  readonly context: Context;
  readonly token: { readonly args: readonly unknown[] };
}

export type Filter = (this: FilterThis, value: unknown, ...args: unknown[]) => unknown;
export type FilterGroup = Readonly<Record<string, Filter>>;

/** Where the render's scope is kept for filters; a symbol, so that no template can name it. */
export const SCOPE = Symbol('scope');

export function scopeOf(filter: FilterThis): LiquidScope {
  return (filter.context.environments as unknown as { [SCOPE]: LiquidScope })[SCOPE];
}

/** The text of a value, charged to the render's memory limit. */
export function textOf(filter: FilterThis, value: unknown): string {
  const text = plainText(value);
  filter.context.memoryLimit.use(text.length);
  return text;
}

/** How Liquid prints a value: nothing for nil, the items of an array one after the other, an object as its JSON. */
export function plainText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.map(plainText).join('');
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return JSON.stringify(value) ?? '';
}

/** `encodeURIComponent` and `JSON.stringify` consumers want whole characters: a lone surrogate becomes U+FFFD. */
export function wellFormed(text: string): string {
  return text.replace(/[\ud800-\udfff]/gu, '\ufffd');
}
