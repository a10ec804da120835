import { Body, Get, Headers, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiBody, ApiHeader } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../kernel/errors.js';
import { JourneyDraftsService } from '../../journeys/drafts.service.js';
import { toDocument, type JourneyDocument } from '../../journeys/journey-document.js';
import { journeyJson } from '../../journeys/journey-out.js';
import { JourneysService } from '../../journeys/journeys.service.js';
import type { Caller } from '../../security/api-keys.service.js';
import { CurrentCaller } from '../../security/api-key.guard.js';
import { cursorPage, journeyName, oneOrMore, pageOf } from './inputs.js';
import { NativeController, Route } from './route.js';
import { draftOut, journeyDetailOut, journeyOut, listOf, machineOut, validationOut } from './shapes.js';

const listQuery = z.strictObject({
  status: oneOrMore(['draft', 'active', 'stopped', 'archived']).optional(),
  definition: z
    .enum(['true', 'false'])
    .default('true')
    .meta({ description: '`false` leaves the documents out of the list.' }),
  ...cursorPage,
});
const version = z.coerce.number().int().min(1).max(2_147_483_647);
const versionQuery = z.strictObject({ version: version.optional() });
const putQuery = z.strictObject({
  expected_version: version
    .optional()
    .meta({ description: 'Refuse with 412 unless this is still the latest version.' }),
});
type DocumentRequest = FastifyRequest & { readonly rawBody?: Buffer };

const JSON_TYPE = 'application/json; charset=utf-8';
/** Filled in with the schema of definitions by `openapi.ts`. */
const DEFINITION = { schema: { $ref: '#/components/schemas/JourneyDefinition' } };

@NativeController('journeys')
export class JourneysController {
  constructor(
    private readonly journeys: JourneysService,
    private readonly drafts: JourneyDraftsService,
  ) {}

  @Post('journeys')
  @ApiBody(DEFINITION)
  @Route({
    summary: 'New journey from a definition',
    scope: 'journeys.write',
    status: 201,
    answer: draftOut,
    refuses: ['journey_invalid', 'journey_key_taken'],
    write: true,
  })
  create(@Body() body: unknown, @Req() request: DocumentRequest, @CurrentCaller() caller: Caller) {
    return this.drafts.create(caller.workspace, documentOf(body, request), caller.actor);
  }

  @Post('journeys/validate')
  @ApiBody(DEFINITION)
  @Route({ summary: 'The issues of a definition; nothing is stored', scope: 'journeys.read', answer: validationOut })
  validate(@Body() body: unknown, @Req() request: DocumentRequest) {
    return this.drafts.validate(documentOf(body, request));
  }

  @Get('journeys')
  @Route({
    summary: 'Journeys, newest first; archived ones only when asked for',
    scope: 'journeys.read',
    answer: listOf(journeyOut),
    refuses: ['cursor_invalid'],
  })
  async list(
    @Query({ schema: listQuery }) query: z.infer<typeof listQuery>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const filter = { statuses: query.status, definitions: query.definition === 'true' };
    const { items, next_cursor } = await this.journeys.list(caller.workspace, filter, pageOf(query));
    void reply.header('content-type', JSON_TYPE);
    return `{"items":[${items.map(journeyJson).join(',')}],"next_cursor":${JSON.stringify(next_cursor)}}`;
  }

  @Get('journeys/:key')
  @Route({
    summary: 'One journey: definition, status, versions',
    scope: 'journeys.read',
    answer: journeyDetailOut,
    refuses: ['journey_unknown', 'version_unknown'],
  })
  async show(
    @Param('key', { schema: journeyName }) key: string,
    @Query({ schema: versionQuery }) query: z.infer<typeof versionQuery>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const journey = await this.journeys.show(caller.workspace, key, query.version);
    void reply.headers({ 'content-type': JSON_TYPE, etag: `"${journey.latest_version}"` });
    return journeyJson(journey);
  }

  @Put('journeys/:key')
  @ApiBody(DEFINITION)
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'The `ETag` of `GET`: refuse with 412 when somebody has stored a version since.',
  })
  @Route({
    summary: 'New draft version; the live one keeps running',
    scope: 'journeys.write',
    answer: draftOut,
    refuses: ['journey_invalid', 'journey_unknown', 'journey_archived', 'version_mismatch'],
    write: true,
  })
  async put(
    @Param('key', { schema: journeyName }) key: string,
    @Query({ schema: putQuery }) query: z.infer<typeof putQuery>,
    @Headers('if-match') ifMatch: string | undefined,
    @Body() body: unknown,
    @Req() request: DocumentRequest,
    @CurrentCaller() caller: Caller,
  ) {
    const expected = query.expected_version ?? versionOf(ifMatch);
    return this.drafts.put(caller.workspace, key, documentOf(body, request), caller.actor, expected);
  }

  @Get('journeys/:key/machine')
  @Route({
    summary: 'The compiled XState machine as JSON',
    scope: 'journeys.read',
    answer: machineOut,
    refuses: ['journey_unknown', 'version_unknown'],
  })
  machine(
    @Param('key', { schema: journeyName }) key: string,
    @Query({ schema: versionQuery }) query: z.infer<typeof versionQuery>,
    @CurrentCaller() caller: Caller,
  ) {
    return this.journeys.machine(caller.workspace, key, query.version);
  }
}

function documentOf(body: unknown, request: DocumentRequest): JourneyDocument {
  return toDocument(body, request.rawBody);
}

/** The version an `If-Match` names; `*` and no header at all ask for nothing. */
function versionOf(ifMatch: string | undefined): number | null {
  if (ifMatch === undefined || ifMatch.trim() === '*') return null;
  const match = /^\s*(?:W\/)?"?(\d{1,9})"?\s*$/.exec(ifMatch);
  if (match) return Number(match[1]);
  const message = 'an If-Match here is one version, like "3"';
  throw new AppError('request_invalid', message, {
    issues: [{ parameter: 'If-Match', code: 'invalid_value', message }],
  });
}
