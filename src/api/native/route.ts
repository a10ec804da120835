import {
  applyDecorators,
  Controller,
  HttpCode,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { ApiKeyGuard, Scope } from '../../security/api-key.guard.js';
import type { ScopeName } from '../../security/scopes.js';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';
import { STATUS, type ProblemCode } from './problem.js';
import { ProblemFilter } from './problem.filter.js';
import { RequestPipe } from './request.pipe.js';
import { problemOut } from './shapes.js';

/** A controller of the native API: key and scope, checked input, problem documents, idempotent writes. */
export function NativeController(tag: string): ClassDecorator {
  return applyDecorators(
    Controller('api'),
    ApiTags(tag),
    ApiBearerAuth(),
    UseGuards(ApiKeyGuard),
    UsePipes(new RequestPipe()),
    UseInterceptors(IdempotencyInterceptor),
    UseFilters(ProblemFilter),
  );
}

export interface Route {
  readonly summary: string;
  readonly scope: ScopeName;
  /** Status of success; 200 unless given. */
  readonly status?: 200 | 201 | 202 | 204;
  /** Shape of the answer. */
  readonly answer?: z.ZodType;
  readonly example?: unknown;
  /** Codes the route refuses with, beside those every route may. */
  readonly refuses?: readonly ProblemCode[];
  readonly write?: boolean;
}

const EVERYWHERE: readonly ProblemCode[] = [
  'request_invalid',
  'api_key_missing',
  'api_key_invalid',
  'scope_missing',
  'database_unavailable',
];
const WRITES: readonly ProblemCode[] = ['idempotency_key_invalid', 'idempotency_key_reused', 'idempotency_in_progress'];

/** The scope of a handler, its status and everything the API description says of it. */
export function Route(route: Route): MethodDecorator {
  const status = route.status ?? 200;
  const refusals = byStatus([...EVERYWHERE, ...(route.write ? WRITES : []), ...(route.refuses ?? [])]);
  return applyDecorators(
    Scope(route.scope),
    HttpCode(status),
    ApiOperation({ summary: route.summary, description: `Scope: \`${route.scope}\`.` }),
    ApiResponse({
      status,
      description: status === 204 ? 'Done.' : 'Success.',
      ...(route.answer ? { standardSchema: route.answer } : {}),
      ...(route.example === undefined ? {} : { example: route.example }),
    }),
    ...[...refusals].map(([code, codes]) =>
      ApiResponse({
        status: code,
        description: codes.map((each) => `\`${each}\``).join(', '),
        standardSchema: problemOut,
      }),
    ),
    ...(route.write
      ? [
          ApiHeader({
            name: 'Idempotency-Key',
            required: false,
            description:
              'Sent again with the same content within 24 hours, the stored answer comes back and nothing is done twice.',
            schema: { type: 'string', maxLength: 255 },
          }),
        ]
      : []),
  );
}

function byStatus(codes: readonly ProblemCode[]): Map<number, ProblemCode[]> {
  const groups = new Map<number, ProblemCode[]>();
  for (const code of new Set(codes)) groups.set(STATUS[code], [...(groups.get(STATUS[code]) ?? []), code]);
  return groups;
}
