/**
 * A definition as it came in: the value to check and the text to keep. The text is what the client sent, so that what
 * comes out is what went in: key order (of keys that look like integers too) and the spelling of numbers included. Pure.
 */
import { AppError } from '../kernel/errors.js';
import type { Json, JsonObject } from '../kernel/json.js';
import type { Issue } from '../journey/decision.js';
import type { Definition } from '../journey/definition.js';
import { validate } from '../journey/validate.js';

export interface JourneyDocument {
  readonly value: unknown;
  /** JSON; `value` is what it parses to. */
  readonly text: string;
}

/** From a request: `raw` are the bytes of the body, where they are at hand. */
export function toDocument(value: unknown, raw: Uint8Array | undefined): JourneyDocument {
  const text = raw === undefined ? '' : new TextDecoder('utf-8').decode(raw).trim();
  return { value, text: text === '' ? JSON.stringify(value ?? null) : text };
}

/** The definition and what is doubtful about it. Errors: `journey_invalid` with all `issues` (warnings too). */
export function accept(
  document: JourneyDocument,
  more: readonly Issue[] = [],
): { definition: Definition; warnings: readonly Issue[] } {
  const { issues, definition } = validate(document.value);
  const all = [...issues, ...more];
  if (definition === null || all.some(({ level }) => level === 'error')) throw invalid(all);
  return { definition, warnings: all };
}

export function invalid(issues: readonly Issue[]): AppError {
  const errors = issues.filter(({ level }) => level === 'error').length;
  return new AppError('journey_invalid', `the definition has ${errors} ${errors === 1 ? 'error' : 'errors'}`, {
    issues: issues as unknown as readonly Json[],
  } satisfies JsonObject);
}
