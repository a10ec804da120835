/**
 * The shape of a journey document, all of it: also what this build refuses by name, so that a document of the format is
 * never taken for a mistake. Nothing here fills in defaults or changes a value: a document that passes is its definition,
 * key order included, and what is left out is decided where it is read (`compile`).
 */
import { z } from 'zod';
import { filterSchema } from '../segments/filter.js';
import { LIMITS } from './limits.js';
import { scheduleSchema } from './schedule.js';
import { dateTime, duration, KEY, liquid, nonEmpty, STEP_ID, text, timeZone } from './shapes.js';
import { stepSchema } from './steps/registry.js';
import { triggerSchema } from './trigger.js';

const apiTrigger = z.strictObject({ type: z.literal('api') });
const eventTrigger = z.strictObject({
  type: z.literal('event'),
  on: z.array(triggerSchema).min(1),
  from: dateTime.optional(),
  until: dateTime.optional(),
});

export const entrySchema = z.strictObject({
  trigger: z.discriminatedUnion('type', [apiTrigger, eventTrigger, scheduleSchema]),
  audience: filterSchema.optional(),
  reentry: z
    .union([
      z.literal(false),
      z.strictObject({ after: z.union([z.literal('max_duration'), duration()]) }),
      z.strictObject({ key: liquid().min(1) }),
    ])
    .optional(),
  limit: z.strictObject({ max: z.int().min(1), per: z.enum(['lifetime', 'run', 'hour', 'day']) }).optional(),
});

export const exitCriteriaSchema = z.strictObject({
  when: z.array(z.union([triggerSchema, z.strictObject({ audience: filterSchema })])).min(1),
  mode: z.enum(['immediate', 'step_end']).optional(),
});

const conversionSchema = z.strictObject({
  name: nonEmpty(200),
  on: triggerSchema,
  within: duration({
    min: LIMITS.conversionMin,
    minText: 'PT5M',
    max: LIMITS.conversionMax,
    maxText: 'P30D',
  }).optional(),
});

const weight = z.number().min(0).max(100);
const variantSchema = z.union([
  z.strictObject({ id: nonEmpty(63), name: text(200).optional(), weight, start: z.string() }),
  z.strictObject({ id: nonEmpty(63), name: text(200).optional(), weight, control: z.literal(true) }),
]);

const sendSchema = z.strictObject({
  quiet_hours: z
    .strictObject({
      from: z.string(),
      to: z.string(),
      timezone: timeZone('user', 'company').optional(),
      then: z.enum(['hold', 'skip']).optional(),
    })
    .optional(),
  rate_limit: z.strictObject({ per_minute: z.int().min(10).max(500_000) }).optional(),
  frequency_cap: z.boolean().optional(),
});

export const definitionSchema = z
  .strictObject({
    schema: z.literal(1),
    key: z.string().regex(KEY),
    name: nonEmpty(200),
    description: text(10_000).optional(),
    tags: z.array(nonEmpty(200)).optional(),
    timezone: timeZone('company').optional(),
    entry: entrySchema,
    exit: exitCriteriaSchema.optional(),
    conversions: z.array(conversionSchema).max(LIMITS.conversions).optional(),
    variants: z.array(variantSchema).max(LIMITS.variants).optional(),
    start: z.string().optional(),
    send: sendSchema.optional(),
    steps: z.record(z.string().regex(STEP_ID), stepSchema),
    layout: z.record(z.string(), z.strictObject({ x: z.number(), y: z.number() })).optional(),
  })
  .meta({ id: 'Journey', title: 'Journey definition, schema 1' });

export type Definition = z.infer<typeof definitionSchema>;
export type EntryRules = z.infer<typeof entrySchema>;
export type ExitCriteria = z.infer<typeof exitCriteriaSchema>;
