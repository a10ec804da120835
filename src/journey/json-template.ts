/**
 * JSON whose strings are Liquid. A string without Liquid stays as it is; a string that is exactly one output ending in
 * `| json` becomes that JSON value; any other string is rendered to text. Parts without Liquid are shared, not copied.
 */
import { AppError } from '../kernel/errors.js';
import type { Json, JsonObject } from '../kernel/json.js';
import { parseTemplate, templateNeeds, type LiquidScope, type Template } from '../liquid/template.js';
import { mergeNeeds, NO_NEEDS, type Needs } from '../segments/subject.js';
import type { Facts } from './decision.js';

export type Rendered<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly kind: 'abort' | 'error'; readonly reason: string };

export interface JsonTemplate {
  readonly needs: Needs;
  render(scope: LiquidScope): Rendered<Json>;
}

/** A template that was checked when the definition was saved; a syntax error here is a bug or a foreign document. */
export function template(source: string): Template {
  const parsed = parseTemplate(source);
  if (parsed.ok) return parsed.template;
  const { message, line, column, excerpt } = parsed.problem;
  throw new AppError('liquid_syntax', message, { line, column, excerpt });
}

const HAS_LIQUID = /\{[{%]/;

export function isLiquid(source: string): boolean {
  return HAS_LIQUID.test(source);
}

export function compileJson(source: Json): JsonTemplate {
  const node = build(source);
  return {
    needs: node.templates.length > 0 ? mergeNeeds(node.templates.map(templateNeeds)) : NO_NEEDS,
    render: (scope) => node.render(scope),
  };
}

/** Renders text: strings alone. */
export function renderText(of: Template, scope: LiquidScope): Rendered<string> {
  const result = of.render(scope);
  return result.ok ? { ok: true, value: result.text } : result;
}

interface Node {
  readonly templates: readonly Template[];
  render(scope: LiquidScope): Rendered<Json>;
}

function build(source: Json): Node {
  if (typeof source === 'string') return isLiquid(source) ? dynamic(template(source)) : constant(source);
  if (Array.isArray(source)) return collect(source, (source as readonly Json[]).map(build), (values) => values);
  if (typeof source === 'object' && source !== null) {
    const keys = Object.keys(source);
    const nodes = keys.map((key) => build((source as JsonObject)[key]!));
    return collect(source, nodes, (values) => Object.fromEntries(keys.map((key, i) => [key, values[i]!])));
  }
  return constant(source);
}

function constant(value: Json): Node {
  const rendered = { ok: true, value } as const;
  return { templates: [], render: () => rendered };
}

function dynamic(of: Template): Node {
  return {
    templates: [of],
    render: (scope) => {
      const result = of.renderValue(scope);
      return result.ok ? { ok: true, value: result.value } : result;
    },
  };
}

function collect(source: Json, nodes: readonly Node[], make: (values: Json[]) => Json): Node {
  const templates = nodes.flatMap((node) => node.templates);
  if (templates.length === 0) return constant(source);
  return {
    templates,
    render: (scope) => {
      const values: Json[] = [];
      for (const node of nodes) {
        const rendered = node.render(scope);
        if (!rendered.ok) return rendered;
        values.push(rendered.value);
      }
      return { ok: true, value: make(values) };
    },
  };
}

/** What Liquid sees when a step renders within an advance. */
export function scopeOf(facts: Facts, step: { readonly id: string; readonly name: string | null }): LiquidScope {
  const { journeyKey, journeyName, variant } = facts.entry;
  return {
    now: facts.now,
    subject: facts.subject,
    journey: { key: journeyKey, name: journeyName, variant },
    step: { id: step.id, name: step.name ?? step.id },
  };
}
