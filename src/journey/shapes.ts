/**
 * The small shapes that definitions are made of. Every check that one value can fail on its own lives here, so that a
 * single pass of the schema finds all of them, wherever they are. A failed check carries its stable code in `params`.
 */
import { z } from 'zod';
import { parseDuration } from '../kernel/duration.js';
import type { Json } from '../kernel/json.js';
import { parsePointer } from '../kernel/pointer.js';
import { parseTemplate } from '../liquid/template.js';
import { isTimeZone, parseDateTime } from './time.js';

type Extra = { readonly line?: number; readonly column?: number; readonly excerpt?: string };

/** A zod issue with a code of ours. */
export function issue(code: string, message: string, extra: Extra & { path?: (string | number)[] } = {}) {
  const { path, ...rest } = extra;
  return { code: 'custom' as const, message, params: { code, ...rest }, ...(path ? { path } : {}) };
}

export const STEP_ID = /^[a-z][a-z0-9_]{0,62}$/;
export const KEY = /^[a-z0-9][a-z0-9-]{0,62}$/;
const CONTEXT_NAME = /^[A-Za-z0-9_]{1,100}$/;

export const text = (max: number) => z.string().max(max);
export const nonEmpty = (max = 255) => z.string().min(1).max(max);

/** A step id or `null` = the journey is completed. Whether the step exists is checked against the whole document. */
export const target = z.string().nullable().meta({ description: 'A step id; null = the journey is completed.' });

export interface DurationBounds {
  /** Milliseconds. */
  readonly min?: number;
  readonly max?: number;
  /** How the bounds read in a message: `P31D`. */
  readonly minText?: string;
  readonly maxText?: string;
}

export const duration = (bounds: DurationBounds = {}) =>
  z
    .string()
    .superRefine((value, context) => {
      const ms = parseDuration(value);
      if (ms === null) {
        const calendar = /^P[^T]*[YM]/.test(value) ? ': years and months are refused, say P30D for thirty days' : '';
        context.addIssue(
          issue('duration_invalid', `"${value}" is not a duration like PT30S, PT0.5S, P1D or P1W${calendar}`),
        );
      } else if (bounds.max !== undefined && ms > bounds.max) {
        context.addIssue(
          issue('limit_exceeded', `${value} is over the limit of ${bounds.maxText ?? `${bounds.max} ms`}`),
        );
      } else if (bounds.min !== undefined && ms < bounds.min) {
        context.addIssue(
          issue('limit_exceeded', `${value} is under the minimum of ${bounds.minText ?? `${bounds.min} ms`}`),
        );
      }
    })
    .meta({ format: 'duration' });

function checkLiquid(
  source: string,
  path: (string | number)[],
  context: Pick<z.core.$RefinementCtx, 'addIssue'>,
): void {
  if (!source.includes('{')) return;
  const parsed = parseTemplate(source);
  if (parsed.ok) return;
  const { message, line, column, excerpt } = parsed.problem;
  context.addIssue(
    issue('liquid_syntax', `${message} (line ${line}, column ${column})`, { line, column, excerpt, path }),
  );
}

export const liquid = (max?: number) =>
  (max === undefined ? z.string() : z.string().max(max))
    .superRefine((value, context) => checkLiquid(value, [], context))
    .meta({ description: 'Liquid' });

export const json: z.ZodType<Json> = z.json();

/** Any JSON; every string in it is Liquid. Keys are literal. */
export const liquidJson = json.superRefine((value, context) => {
  const walk = (node: Json, path: (string | number)[]): void => {
    if (typeof node === 'string') checkLiquid(node, path, context);
    else if (Array.isArray(node)) (node as readonly Json[]).forEach((item, i) => walk(item, [...path, i]));
    else if (typeof node === 'object' && node !== null) {
      for (const [key, item] of Object.entries(node)) walk(item, [...path, key]);
    }
  };
  walk(value, []);
});

export const clockTime = z.string().superRefine((value, context) => {
  if (!/^([01]\d|2[0-3]):[0-5]\d$/.test(value)) {
    context.addIssue(issue('clock_time_invalid', `"${value}" is not a time of day HH:MM`));
  }
});

/** IANA name, or one of the words given. */
export const timeZone = (...words: readonly string[]) =>
  z.string().superRefine((value, context) => {
    if (words.includes(value) || isTimeZone(value)) return;
    const also = words.map((word) => `, "${word}"`).join('');
    context.addIssue(issue('time_zone_invalid', `"${value}" is not an IANA time zone like Europe/Berlin${also}`));
  });

/** Local date-time, or one with an offset; a date alone is its midnight. */
export const dateTime = z.string().superRefine((value, context) => {
  if (!parseDateTime(value)) {
    context.addIssue(
      issue('date_time_invalid', `"${value}" is not a date-time like 2026-12-01T09:00 or 2026-12-01T09:00:00+09:00`),
    );
  }
});

export const contextName = z.string().superRefine((value, context) => {
  if (!CONTEXT_NAME.test(value)) {
    context.addIssue(
      issue('context_name_invalid', `"${value}": a context variable has up to 100 letters, digits and underscores`),
    );
  }
});

export const pointer = z.string().superRefine((value, context) => {
  if (parsePointer(value) === null) {
    context.addIssue(issue('pointer_invalid', `"${value}" is not a JSON Pointer like /data/id`));
  }
});

/** What every step has. */
export const stepBase = {
  name: text(200).optional(),
  description: text(2_000).optional(),
};
