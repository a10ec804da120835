import { z } from 'zod';
import type { Json, JsonObject } from '../../kernel/json.js';
import { isJsonObject } from '../../kernel/json.js';
import { mergeNeeds } from '../../segments/subject.js';
import { storeVariables } from '../context.js';
import { compileJson, scopeOf } from '../json-template.js';
import { LIMITS } from '../limits.js';
import { contextName, liquidJson, stepBase, target } from '../shapes.js';
import { toInstant } from '../time.js';
import { NEVER_SIGNALLED, type StepKind } from './step-kind.js';

const TYPES = ['string', 'number', 'boolean', 'time', 'array', 'object'] as const;
const VALUE_CHARACTERS = 10_240;

export const contextSchema = z.strictObject({
  type: z.literal('context'),
  ...stepBase,
  set: z.array(z.strictObject({ name: contextName, type: z.enum(TYPES), value: liquidJson })).min(1),
  next: target,
});

export type ContextStep = z.infer<typeof contextSchema>;

/**
 * Computes variables of the entry, in order; a later one sees the earlier ones. A value that is empty, of another type,
 * aborted or over 50 KB leaves its variable as it was, and the user goes on (Braze: "not updated").
 */
export const context: StepKind<ContextStep> = {
  type: 'context',

  check(step, issues) {
    if (step.set.length > LIMITS.contextVariables) {
      issues.error(
        ['set'],
        'limit_exceeded',
        `${step.set.length} variables are over the limit of ${LIMITS.contextVariables} per context step`,
      );
    }
    step.set.forEach(({ value }, i) => {
      const length = typeof value === 'string' ? value.length : JSON.stringify(value).length;
      if (length > VALUE_CHARACTERS) {
        issues.error(['set', i, 'value'], 'limit_exceeded', `over the limit of ${VALUE_CHARACTERS} characters`);
      }
    });
  },

  ways: (step) => [{ event: 'next', label: 'next', next: step.next }],
  longestWait: () => 0,

  compile(step, surroundings) {
    const variables = step.set.map(({ name, type, value }) => ({ name, type, value: compileJson(value) }));
    return {
      waits: 'never',
      needs: mergeNeeds(variables.map(({ value }) => value.needs)),
      locks: false,
      topics: [],
      enter(_arrival, facts) {
        const notUpdated: string[] = [];
        let known = facts.subject.context;
        for (const { name, type, value } of variables) {
          const subject = known === facts.subject.context ? facts.subject : { ...facts.subject, context: known };
          const rendered = value.render(scopeOf({ ...facts, subject }, surroundings));
          const converted = rendered.ok ? convert(rendered.value, type) : undefined;
          if (converted === undefined) {
            notUpdated.push(`${name} (${rendered.ok ? `not a ${type}` : rendered.reason})`);
            continue;
          }
          const stored = storeVariables(known, [[name, converted]]);
          if (stored.refused.length > 0) notUpdated.push(`${name} (over ${LIMITS.contextBytes} bytes of context)`);
          known = stored.context;
        }
        const changed: { context?: JsonObject } = known === facts.subject.context ? {} : { context: known };
        const why = notUpdated.length === 0 ? {} : { why: `not updated: ${notUpdated.join(', ')}` };
        return { kind: 'go', path: 'next', ...changed, ...why };
      },
      signal: NEVER_SIGNALLED,
    };
  },
};

/** The value as the variable's type has it, or `undefined` when it is empty or of another type. */
export function convert(value: Json, type: (typeof TYPES)[number]): Json | undefined {
  if (value === null || value === '') return undefined;
  switch (type) {
    case 'string':
      return typeof value === 'object' ? undefined : String(value);
    case 'number':
      return toNumber(value);
    case 'boolean':
      if (typeof value === 'boolean') return value;
      return value === 'true' ? true : value === 'false' ? false : undefined;
    case 'time':
      return toTime(value);
    case 'array': {
      if (isList(value)) return value;
      if (typeof value !== 'string') return undefined;
      const parsed = parseJson(value);
      if (isList(parsed)) return parsed;
      if (parsed !== undefined && typeof parsed === 'object') return undefined;
      return value.split(',').map((item) => item.trim());
    }
    case 'object': {
      const parsed = typeof value === 'string' ? parseJson(value) : value;
      return isJsonObject(parsed) ? parsed : undefined;
    }
  }
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function toNumber(value: Json): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const number = Number(value);
  return /^[\s\d.eE+-]+$/.test(value) && Number.isFinite(number) ? number : undefined;
}

/** Stored in UTC; a text without offset is UTC; a number is epoch seconds. */
function toTime(value: Json): string | undefined {
  if (typeof value === 'number') return Math.abs(value) < 8.64e12 ? new Date(value * 1000).toISOString() : undefined;
  if (typeof value !== 'string') return undefined;
  const text = value
    .trim()
    .replace(/^(\d{4}-\d\d-\d\d) (\d\d:\d\d)/, '$1T$2')
    .replace(/ ?(?:UTC|\+0000)$/, 'Z');
  const at = toInstant(text.replace(/([+-]\d\d)(\d\d)$/, '$1:$2').replace(/ ([+-])/, '$1'), 'UTC');
  return at === null ? undefined : new Date(at).toISOString();
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
