import { Body, Get, Param, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { EntriesService } from '../../engine/entries.service.js';
import { StatsService } from '../../reporting/stats.service.js';
import { CurrentCaller } from '../../security/api-key.guard.js';
import type { Caller } from '../../security/api-keys.service.js';
import { KeyInBody } from './idempotency.interceptor.js';
import { context, cursorPage, journeyName, pageOf, time } from './inputs.js';
import { NativeController, Route } from './route.js';
import { enteredOut, entryOut, listOf, refusalsOut, statsOut } from './shapes.js';

/** Recipients of one call. */
const RECIPIENTS = 1_000;

const externalId = z.string().min(1).max(997);
const recipient = z
  .strictObject({
    external_id: externalId.optional(),
    user_alias: z
      .strictObject({ alias_name: z.string().min(1).max(997), alias_label: z.string().min(1).max(997) })
      .optional(),
    braze_id: z.string().min(1).max(100).optional(),
    context: context.optional(),
  })
  .refine((one) => [one.external_id, one.user_alias, one.braze_id].filter((each) => each !== undefined).length === 1, {
    message: 'exactly one of external_id, user_alias, braze_id is needed',
    params: { code: 'recipient_invalid' },
  });
const enterBody = z
  .strictObject({
    external_id: externalId.optional(),
    context: context.optional(),
    recipients: z.array(recipient).min(1).max(RECIPIENTS).optional(),
    idempotency_key: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .meta({ description: 'The same as the header, for this journey alone.' }),
    create_missing: z.boolean().optional().meta({ description: 'Make a profile for an external_id that has none.' }),
  })
  .refine((body) => (body.recipients === undefined) !== (body.external_id === undefined), {
    message: 'either external_id or recipients is needed',
    params: { code: 'recipient_invalid' },
  })
  .refine((body) => body.recipients === undefined || body.context === undefined, {
    message: 'with recipients, each has its own context',
    path: ['context'],
    params: { code: 'unknown_key' },
  });

const entriesQuery = z.strictObject({
  status: z.enum(['active', 'completed', 'exited', 'errored', 'parked']).optional(),
  step: z.string().min(1).max(63).optional(),
  external_id: externalId.optional(),
  version: z.coerce.number().int().min(1).max(2_147_483_647).optional(),
  from: time.optional(),
  to: time.optional(),
  ...cursorPage,
});
const statsQuery = z.strictObject({
  from: time.optional(),
  to: time.optional(),
  interval: z.enum(['hour', 'day', 'week', 'month']).optional(),
});
const noQuery = z.strictObject({});

/** What befalls profiles in a journey: entering, the entries, the counts. */
@NativeController('journeys')
export class JourneyEntriesController {
  constructor(
    private readonly entries: EntriesService,
    private readonly statistics: StatsService,
  ) {}

  @Post('journeys/:key/enter')
  @Route({
    summary: 'Let profiles in: per recipient, the entry or the reason it was refused',
    scope: 'journeys.enter',
    answer: enteredOut,
    example: {
      results: [
        { external_id: 'ada', entered: true, entry_id: '0199aaaa-0000-7000-8000-000000000000' },
        { external_id: 'bob', entered: false, reason: 'reentry' },
      ],
    },
    refuses: ['journey_unknown', 'journey_not_api_triggered'],
    write: true,
  })
  @KeyInBody('idempotency_key')
  enter(
    @Param('key', { schema: journeyName }) key: string,
    @Body({ schema: enterBody }) body: z.infer<typeof enterBody>,
    @CurrentCaller() caller: Caller,
  ) {
    const recipients = body.recipients ?? [{ external_id: body.external_id, context: body.context }];
    return this.entries.enter(caller.workspace, key, recipients, { createMissing: body.create_missing });
  }

  @Get('journeys/:key/entries')
  @Route({
    summary: 'Entries, newest first',
    scope: 'entries.read',
    answer: listOf(entryOut),
    refuses: ['journey_unknown', 'cursor_invalid'],
  })
  list(
    @Param('key', { schema: journeyName }) key: string,
    @Query({ schema: entriesQuery }) query: z.infer<typeof entriesQuery>,
    @CurrentCaller() caller: Caller,
  ) {
    const { cursor: _cursor, limit: _limit, ...filter } = query;
    return this.entries.list(caller.workspace, { ...filter, journey: key }, pageOf(query));
  }

  @Get('journeys/:key/stats')
  @Route({ summary: 'Totals and counts per step', scope: 'stats.read', answer: statsOut, refuses: ['journey_unknown'] })
  stats(
    @Param('key', { schema: journeyName }) key: string,
    @Query({ schema: statsQuery }) query: z.infer<typeof statsQuery>,
    @CurrentCaller() caller: Caller,
  ) {
    return this.statistics.stats(caller.workspace, key, query);
  }

  @Get('journeys/:key/refusals')
  @Route({
    summary: 'Who did not get in, and why',
    scope: 'stats.read',
    answer: refusalsOut,
    refuses: ['journey_unknown'],
  })
  refusals(
    @Param('key', { schema: journeyName }) key: string,
    @Query({ schema: noQuery }) _query: object,
    @CurrentCaller() caller: Caller,
  ) {
    return this.statistics.refusals(caller.workspace, key);
  }
}
