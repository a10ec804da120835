/** Parts of requests that several routes share. Times come as RFC 3339 and go on as `Date`. */
import { z } from 'zod';
import { LIMITS } from '../../journey/limits.js';
import { isJsonObject, jsonBytes, type JsonObject } from '../../kernel/json.js';

export const cursorPage = {
  cursor: z.string().min(1).max(500).optional().meta({ description: '`next_cursor` of the page before.' }),
  limit: z.coerce.number().int().min(1).max(200).default(50),
};

export interface Page {
  readonly cursor: string | null;
  readonly limit: number;
}

export function pageOf(query: { cursor?: string; limit: number }): Page {
  return { cursor: query.cursor ?? null, limit: query.limit };
}

export const time = z.iso
  .datetime({ offset: true, error: 'not a time like 2026-12-01T09:00:00Z' })
  .transform((text) => new Date(text))
  .meta({ description: 'RFC 3339, for example 2026-12-01T09:00:00Z.' });

export const journeyName = z.string().min(1).max(100).meta({ description: 'Key or id of the journey.' });

export const id = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i, 'not an id')
  .transform((text) => text.toLowerCase())
  .meta({ format: 'uuid' });

/** One value, or several with commas between them. */
export const oneOrMore = <const T extends readonly [string, ...string[]]>(values: T) =>
  z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(values)).min(1).max(values.length))
    .meta({ description: `One or, with commas between them, several of: ${values.join(', ')}.` });

/** A JSON object of free content, at most 50 KB of it. */
export const context = z
  .custom<JsonObject>((value) => isJsonObject(value), 'expected an object')
  .refine((value) => jsonBytes(value) <= LIMITS.contextBytes, 'over the limit of 50 KB')
  .meta({ type: 'object', description: 'At most 50 KB.' });

/** A host as its origin: scheme, name and port. */
export const origin = z
  .string()
  .max(300)
  .transform((text, ctx) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    const isBare = url !== null && url.pathname === '/' && url.search + url.hash + url.username + url.password === '';
    if (isBare && /^https?:$/.test(url.protocol)) return url.origin;
    ctx.addIssue({
      code: 'custom',
      message: 'not an origin like https://api.example.com',
      params: { code: 'origin_invalid' },
    });
    return z.NEVER;
  });
