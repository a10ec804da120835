/**
 * Warns of Liquid that reads what nothing provides: a context variable that no step sets while the entry brings none, or
 * a name that is no namespace of the dialect at all.
 */
import { isJsonObject, type Json, type JsonObject } from '../kernel/json.js';
import { NAMESPACES } from '../liquid/scope.js';
import { parseTemplate } from '../liquid/template.js';
import type { Definition } from './definition.js';
import type { Issues } from './issues.js';
import type { Step } from './steps/registry.js';

const CONTEXT = new Set(['context', 'canvas_entry_properties', 'api_trigger_properties']);

export function checkVariables(definition: Definition, issues: Issues): void {
  const provided = entryProvides(definition) ? null : variablesOf(definition);
  for (const [id, step] of Object.entries(definition.steps)) {
    eachTemplate(step as unknown as JsonObject, ['steps', id], (source, path) => {
      const parsed = parseTemplate(source);
      if (!parsed.ok) return;
      for (const { namespace, name } of parsed.template.uses) {
        if (CONTEXT.has(namespace)) {
          if (provided && name !== null && !provided.has(name)) {
            issues.warn(
              path,
              'variable_unknown',
              `no step sets the context variable "${name}", and a scheduled entry brings none`,
            );
          }
        } else if (!NAMESPACES.has(namespace)) {
          issues.warn(path, 'variable_unknown', `Liquid knows nothing called "${namespace}"; it will be empty`);
        }
      }
    });
  }
}

/** An API call or an event may bring any variable; a schedule or a changed attribute brings none. */
function entryProvides({ entry: { trigger } }: Definition): boolean {
  if (trigger.type === 'api') return true;
  return trigger.type === 'event' && trigger.on.some((on) => 'event' in on || 'purchase' in on);
}

function variablesOf(definition: Definition): Set<string> {
  return new Set(Object.values(definition.steps).flatMap(setBy));
}

function setBy(step: Step): string[] {
  switch (step.type) {
    case 'context':
      return step.set.map(({ name }) => name);
    case 'webhook':
      return Object.keys(step.capture ?? {});
    case 'callback':
      return step.save === undefined ? [] : [step.save];
    default:
      return [];
  }
}

function eachTemplate(
  node: Json,
  path: readonly (string | number)[],
  visit: (source: string, path: readonly (string | number)[]) => void,
): void {
  if (typeof node === 'string') {
    if (node.includes('{')) visit(node, path);
  } else if (Array.isArray(node)) {
    (node as readonly Json[]).forEach((item, i) => eachTemplate(item, [...path, i], visit));
  } else if (isJsonObject(node)) {
    for (const [key, item] of Object.entries(node)) {
      if (path.length === 2 && (key === 'name' || key === 'description')) continue;
      eachTemplate(item, [...path, key], visit);
    }
  }
}
