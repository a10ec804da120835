import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../kernel/errors.js';
import { isJsonObject, type JsonObject } from '../../kernel/json.js';
import { errorCode, isDisconnect } from '../../persistence/database.js';
import { isNative } from '../../security/api-key.guard.js';
import { codeOfServerError, problem, statusOf, type Problem } from './problem.js';

/** Seconds after which a client may try again while the database is away. */
const RETRY_AFTER = 2;

/**
 * Whatever a handler throws, as an answer: a problem document under `/api`; elsewhere, where no filter of a door's own
 * took it, Braze's `{ message }`. Errors of ours are not logged, what nobody expected is, once, with its cause.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Api');

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const found = toProblem(error);
    if (found.code === 'internal')
      this.logger.error(error instanceof Error ? error : new Error(`thrown: ${String(error)}`, { cause: error }));
    if (found.status === 503) void reply.header('retry-after', String(RETRY_AFTER));
    if (reply.sent) return;
    if (isNative(request.url)) {
      void reply
        .status(found.status)
        .header('content-type', 'application/problem+json; charset=utf-8')
        .send(JSON.stringify(found));
    } else {
      void reply.status(found.status).send({ message: found.detail });
    }
  }
}

export function toProblem(error: unknown): Problem {
  if (isDisconnect(error))
    return problem('database_unavailable', 503, 'the database cannot be reached right now; try again');
  if (error instanceof AppError) {
    const status = statusOf(error.code);
    if (status !== undefined) return problem(error.code, status, error.message, error.details);
  }
  if (error instanceof HttpException) return fromHttpException(error);
  const status = statusCodeOf(error);
  if (error instanceof Error && status !== undefined && status >= 400 && status < 500) {
    return problem(codeOfServerError(errorCode(error), status), status, error.message);
  }
  return problem('internal', 500, 'something went wrong here; it has been logged');
}

function fromHttpException(error: HttpException): Problem {
  const status = error.getStatus();
  if (status >= 500) return problem('internal', status, 'something went wrong here; it has been logged');
  const body = error.getResponse();
  if (!isJsonObject(body)) return problem(codeOfServerError(undefined, status), status, error.message);
  const { code, message, statusCode: _statusCode, error: _phrase, ...extra } = body;
  return problem(
    typeof code === 'string' ? code : codeOfServerError(undefined, status),
    status,
    typeof message === 'string' ? message : error.message,
    extra satisfies JsonObject,
  );
}

function statusCodeOf(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined;
}
