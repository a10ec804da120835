import { jsonBytes, type Json, type JsonObject } from '../kernel/json.js';
import { LIMITS } from './limits.js';

export interface Stored {
  readonly context: JsonObject;
  /** Names that did not fit into what is left of the 50 KB. */
  readonly refused: readonly string[];
}

/**
 * Adds variables to an entry's context, in order. One that would take the context over 50 KB (as UTF-8 JSON) is left
 * out, and later ones are still tried, as in Braze.
 */
export function storeVariables(context: JsonObject, variables: readonly (readonly [string, Json])[]): Stored {
  if (variables.length === 0) return { context, refused: [] };
  const next: Record<string, Json> = { ...context };
  const refused: string[] = [];
  let size = jsonBytes(context);
  for (const [name, value] of variables) {
    const known = Object.hasOwn(next, name) ? jsonBytes({ [name]: next[name]! }) : 0;
    const grown = size - known + jsonBytes({ [name]: value });
    // Each object's own braces stand for the comma beside the variable: an error of a byte or two, on the safe side.
    if (grown > LIMITS.contextBytes) refused.push(name);
    else {
      next[name] = value;
      size = grown;
    }
  }
  return { context: next, refused };
}
