import { Body, Controller, HttpCode, Post, Req, UseFilters, UseGuards } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../../../kernel/errors.js';
import { IngestService } from '../../../profiles/ingest.service.js';
import type { TrackProblem } from '../../../profiles/track.js';
import { ApiKeyGuard, Scope } from '../../../security/api-key.guard.js';
import { BrazeErrorFilter } from '../braze-error.filter.js';
import { parseTrack } from './parse.js';

/** Braze's form of an item that was left out, or of an attribute that was. */
interface BrazeProblem {
  readonly type: string;
  readonly input_array: TrackProblem['array'];
  readonly index: number;
}

interface TrackOut {
  readonly message: 'success';
  attributes_processed?: number;
  events_processed?: number;
  purchases_processed?: number;
  errors?: BrazeProblem[];
}

/** `POST /users/track`: answers 201 when everything that is not listed in `errors` has been committed. */
@Controller()
@UseGuards(ApiKeyGuard)
@UseFilters(BrazeErrorFilter)
export class UsersTrackController {
  constructor(private readonly ingest: IngestService) {}

  @Post('users/track')
  @HttpCode(201)
  @Scope('users.track')
  async track(@Req() request: FastifyRequest, @Body() body: unknown): Promise<TrackOut> {
    const parsed = parseTrack(body);
    if (!parsed.ok) throw new AppError('bad_request', parsed.message, { errors: parsed.errors });
    const { processed, problems } = await this.ingest.track(request.workspace, parsed.request);
    const out: TrackOut = { message: 'success' };
    for (const array of parsed.sent) out[`${array}_processed`] = processed[array];
    const errors = [...parsed.problems, ...problems].map(toBraze);
    if (errors.length > 0) out.errors = errors;
    return out;
  }
}

function toBraze({ array, index, problem }: TrackProblem): BrazeProblem {
  return { type: problem, input_array: array, index };
}
