import type { Json } from '../kernel/json.js';
import { parseTemplate, type LiquidScope, type Template } from '../liquid/template.js';
import type { Expected } from './operators/operator.js';

/** The right side of a comparison: a value, or templates that become one for each profile. */
export interface RightSide {
  /** Templates in it; none: it is a plain value. */
  readonly templates: readonly Template[];
  /** The value; `problem`: a template could not be rendered. */
  expected(scope: LiquidScope): Expected | { readonly problem: string };
}

/** A text with Liquid in it, or a list with such texts. */
export function rightSide(value: Json | undefined): RightSide {
  const parts = (Array.isArray(value) ? (value as readonly Json[]) : [value]).map(partOf);
  const templates = parts.filter((part) => part instanceof Part).map(({ template }) => template);
  if (templates.length === 0) {
    const expected: Expected = { value, rendered: false };
    return { templates, expected: () => expected };
  }
  return {
    templates,
    expected(scope) {
      const values: Json[] = [];
      for (const part of parts) {
        if (!(part instanceof Part)) {
          values.push(part ?? null);
          continue;
        }
        const result = part.template.renderValue(scope);
        if (!result.ok) return { problem: result.reason };
        values.push(result.value);
      }
      return { value: Array.isArray(value) ? values : values[0], rendered: true };
    },
  };
}

class Part {
  constructor(readonly template: Template) {}
}

function partOf(value: Json | undefined): Part | Json | undefined {
  if (typeof value !== 'string') return value;
  const parsed = parseTemplate(value);
  return parsed.ok && !parsed.template.isStatic ? new Part(parsed.template) : value;
}
