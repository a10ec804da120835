import { TypeGuards, Value, type Template, type Token } from 'liquidjs';
import { PROFILE_ROOT } from './rewrite.js';
import { NAMESPACES, type Use } from './scope.js';

/**
 * What a template reads of its scope, each name once. Says rather too much than too little: a branch that is never taken
 * counts. (liquidjs' own analysis works out a line and column per variable and is quadratic in the size of the source.)
 */
export function usesOf(templates: readonly Template[]): Use[] {
  const uses = new Map<string, Use>();
  const locals = new Set<string>(['forloop', 'tablerowloop']);
  for (const template of templates) visit(template, uses, locals);
  return [...uses.values()].filter(({ namespace }) => !locals.has(namespace) || NAMESPACES.has(namespace));
}

function visit(template: Template, uses: Map<string, Use>, locals: Set<string>): void {
  for (const argument of template.arguments?.() ?? []) {
    if (argument instanceof Value) {
      for (const token of argument.initial.postfix) collect(token, uses);
      for (const filter of argument.filters) {
        for (const arg of filter.args) collect(Array.isArray(arg) ? arg[1] : arg, uses);
      }
    } else {
      collect(argument, uses);
    }
  }
  for (const name of template.localScope?.() ?? []) locals.add(typeof name === 'string' ? name : name.content);
  for (const name of template.blockScope?.() ?? []) locals.add(name);
  for (const child of childrenOf(template)) visit(child, uses, locals);
}

function childrenOf(template: Template): readonly Template[] {
  const step = template.children?.(false, true).next();
  return step?.done ? step.value : [];
}

function collect(token: Token | undefined, uses: Map<string, Use>): void {
  if (!token) return;
  if (TypeGuards.isRangeToken(token)) {
    collect(token.lhs, uses);
    collect(token.rhs, uses);
  } else if (TypeGuards.isPropertyAccessToken(token)) {
    collect(token.variable, uses);
    for (const prop of token.props) collect(prop, uses);
    if (!token.variable) add(token.props.map(contentOf), uses);
  }
}

function add([root, name]: readonly unknown[], uses: Map<string, Use>): void {
  if (typeof root !== 'string') return;
  const use = { namespace: root === PROFILE_ROOT ? 'profile' : root, name: typeof name === 'string' ? name : null };
  uses.set(`${use.namespace}\u0000${use.name ?? '\u0000'}`, use);
}

function contentOf(token: Token): unknown {
  return 'content' in token ? token.content : undefined;
}
