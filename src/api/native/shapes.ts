/** Shapes of the answers, for the API description; the contract is `contract/http.md`. Fields may be added, none renamed. */
import { z } from 'zod';

const instant = z.iso.datetime().meta({ description: 'RFC 3339, UTC.' });
const anyObject = z.record(z.string(), z.unknown());

export const listOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next_cursor: z.string().nullable() });

export const issueOut = z
  .object({
    path: z.string().meta({ description: 'JSON Pointer into the document.' }),
    code: z.string(),
    message: z.string(),
    level: z.enum(['error', 'warning']),
    line: z.int().optional(),
    column: z.int().optional(),
    excerpt: z.string().optional(),
  })
  .meta({ id: 'Issue' });

export const problemOut = z
  .looseObject({
    title: z.string(),
    status: z.int(),
    code: z.string().meta({ description: 'Stable: what to match on.' }),
    detail: z.string(),
    issues: z
      .array(
        z.looseObject({
          path: z.string().optional(),
          parameter: z.string().optional(),
          code: z.string(),
          message: z.string(),
        }),
      )
      .optional()
      .meta({ description: 'Each with its place: `path` (JSON Pointer into the body) or `parameter`.' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem document.' });

const status = z.enum(['draft', 'active', 'stopped', 'archived']);

export const draftOut = z
  .object({
    id: z.uuid(),
    key: z.string(),
    status,
    version: z.int(),
    live_version: z.int().nullable(),
    warnings: z.array(issueOut),
  })
  .meta({ id: 'JourneyVersionStored' });

export const validationOut = z.object({ valid: z.boolean(), issues: z.array(issueOut) }).meta({ id: 'Validation' });

export const journeyOut = z
  .object({
    id: z.uuid(),
    key: z.string(),
    name: z.string(),
    status,
    version: z.int(),
    latest_version: z.int(),
    live_version: z.int().nullable(),
    definition: anyObject.optional(),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'JourneyView' });

export const journeyDetailOut = journeyOut
  .extend({
    definition: anyObject,
    versions: z.array(z.object({ version: z.int(), created_at: instant, launched_at: instant.nullable() })),
    stops: z.array(z.object({ from: instant, to: instant.nullable() })),
  })
  .meta({ id: 'JourneyDetail' });

export const machineOut = anyObject.meta({ id: 'Machine', description: 'An XState machine configuration.' });

export const enteredOut = z
  .object({
    results: z.array(
      z.union([
        z.looseObject({ entered: z.literal(true), entry_id: z.uuid() }),
        z.looseObject({ entered: z.literal(false), reason: z.string() }),
      ]),
    ),
  })
  .meta({ id: 'Entered' });

export const refusalsOut = z
  .looseObject({ counts: z.record(z.string(), z.int()), items: z.array(anyObject) })
  .meta({ id: 'Refusals', description: 'Counts by reason and the last refusals.' });
export const statsOut = z
  .looseObject({ totals: anyObject, steps: anyObject, conversions: z.array(anyObject), variants: z.array(anyObject) })
  .meta({ id: 'Stats' });

export const entryOut = z
  .looseObject({
    id: z.uuid(),
    journey: z.string(),
    version: z.int(),
    external_id: z.string().nullable(),
    variant: z.string().nullable(),
    status: z.enum(['active', 'completed', 'exited', 'errored', 'parked']),
    reason: z.string().nullable(),
    step: z.string().nullable(),
    wake_at: instant.nullable(),
    context: anyObject,
    entered_at: instant,
    ended_at: instant.nullable(),
  })
  .meta({ id: 'Entry' });

export const entryDetailOut = entryOut
  .extend({ timeline: z.array(z.looseObject({ at: instant, step: z.string().nullable(), what: z.string() })) })
  .meta({ id: 'EntryDetail' });

export const acceptedOut = z.object({ id: z.uuid(), accepted: z.literal(true) }).meta({ id: 'Accepted' });

export const deliveryOut = z
  .looseObject({
    id: z.uuid(),
    journey: z.string(),
    step: z.string(),
    entry_id: z.uuid(),
    external_id: z.string().nullable(),
    host: z.string().nullable(),
    method: z.string().nullable(),
    url: z.string().nullable(),
    status: z.enum(['held', 'due', 'sending', 'retry', 'delivered', 'failed', 'aborted', 'expired', 'cancelled']),
    reason: z.string().nullable(),
    attempts: z.int(),
    next_attempt_at: instant.nullable(),
    response_status: z.int().nullable(),
    created_at: instant,
    finished_at: instant.nullable(),
  })
  .meta({ id: 'Delivery' });

export const deliveryDetailOut = deliveryOut
  .extend({ request: anyObject.nullable(), attempt_log: z.array(anyObject) })
  .meta({ id: 'DeliveryDetail' });

export const retriedOut = z.object({ retried: z.int() }).meta({ id: 'Retried' });

export const hostOut = z
  .looseObject({
    host: z.string(),
    circuit: z.enum(['closed', 'open', 'half_open']),
    retry_at: instant.nullable(),
    failures: z.int(),
    requests: z.int(),
    queued: z.int(),
    oldest_due_at: instant.nullable(),
    rate: anyObject.nullable(),
    paused: z.boolean(),
  })
  .meta({ id: 'Host' });

export const keyOut = z
  .object({
    id: z.uuid(),
    name: z.string(),
    hint: z.string(),
    scopes: z.array(z.string()),
    created_at: instant,
    last_used_at: instant.nullable(),
    revoked_at: instant.nullable(),
  })
  .meta({ id: 'ApiKey' });

export const newKeyOut = keyOut
  .extend({ key: z.string().nullable().meta({ description: 'The secret. Shown once.' }) })
  .meta({ id: 'NewApiKey' });

const done = z.object({ name: z.string(), first: instant, last: instant, count: z.int() });

export const profileOut = z
  .looseObject({
    external_id: z.string().nullable(),
    braze_id: z.string(),
    user_aliases: z.array(z.object({ alias_name: z.string(), alias_label: z.string() })),
    custom_attributes: anyObject,
    custom_events: z.array(done),
    purchases: z.array(done),
    created_at: instant,
  })
  .meta({
    id: 'Profile',
    description: 'Standard attributes stand beside these members: first_name, email, time_zone, ….',
  });

export const profileDetailOut = profileOut.extend({ entries: z.array(entryOut) }).meta({ id: 'ProfileDetail' });
