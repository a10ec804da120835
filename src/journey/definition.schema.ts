import { z } from 'zod';
import { definitionSchema } from './definition.js';

/** JSON Schema (draft 2020-12) of a journey document, for editors and other tools. It knows shapes, not every check. */
export function definitionJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(definitionSchema, { target: 'draft-2020-12', io: 'input', unrepresentable: 'any' });
}
