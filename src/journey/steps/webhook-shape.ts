import { z } from 'zod';
import { filterSchema } from '../../segments/filter.js';
import { LIMITS } from '../limits.js';
import { contextName, duration, json, liquid, liquidJson, nonEmpty, pointer, stepBase, target } from '../shapes.js';

const METHODS = ['POST', 'GET', 'PUT', 'DELETE', 'PATCH'] as const;

const quietHours = z.union([
  z.literal(false),
  z.strictObject({ from: z.string(), to: z.string(), timezone: z.string().optional(), then: z.enum(['hold', 'skip']) }),
]);

export const webhookSchema = z.strictObject({
  type: z.literal('webhook'),
  ...stepBase,
  request: z
    .strictObject({
      method: z.enum(METHODS),
      url: liquid().min(1),
      headers: z.record(z.string(), liquid()).optional(),
      body: z.union([z.strictObject({ json: liquidJson }), z.strictObject({ raw: liquid() })]).optional(),
    })
    .optional(),
  template: nonEmpty().optional(),
  with: z.record(z.string(), liquidJson).optional(),
  advance: z.enum(['attempt', 'result']).optional(),
  capture: z.record(contextName, pointer).optional(),
  retry: z
    .strictObject({
      attempts: z.int().min(1).max(50).optional(),
      initial: duration({ max: 86_400_000, maxText: 'P1D' }).optional(),
      factor: z.number().min(1).max(100).optional(),
      max: duration({ max: 86_400_000, maxText: 'P1D' }).optional(),
      jitter: z.number().min(0).max(1).optional(),
      within: duration({ max: 7 * 86_400_000, maxText: 'P7D' }).optional(),
      statuses: z
        .array(z.union([z.int().min(100).max(599), z.enum(['3xx', '4xx', '5xx'])]))
        .max(100)
        .optional(),
    })
    .optional(),
  timeout: duration({ min: 1, minText: 'PT0.001S', max: LIMITS.requestTimeout, maxText: 'PT10M' }).optional(),
  result_within: duration({ min: 1, minText: 'PT0.001S', max: LIMITS.delay, maxText: '730 days (P730D)' }).optional(),
  ordered: z.boolean().optional(),
  only_if: filterSchema.optional(),
  quiet_hours: quietHours.optional(),
  sign: json.optional(),
  next: target.optional(),
  on: z.strictObject({ success: target.optional(), failure: target.optional(), timeout: target.optional() }).optional(),
});

export type WebhookStep = z.infer<typeof webhookSchema>;
export type WebhookRequest = NonNullable<WebhookStep['request']>;
