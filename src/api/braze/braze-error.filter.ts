import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { AppError } from '../../kernel/errors.js';
import { toProblem } from '../native/problem.filter.js';

/** Braze's texts (API errors, "fatal errors"); a 400 says what is wrong instead. */
const TEXTS: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  413: 'Request Entity Too Large',
  429: 'Rate Limited',
};

/** Errors of the Braze-compatible door: always JSON, `{ message, errors? }`, which is what Braze's clients read. */
@Catch()
export class BrazeErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger('Api');

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const { status, code, detail } = toProblem(error);
    if (code === 'internal')
      this.logger.error(error instanceof Error ? error : new Error(`thrown: ${String(error)}`, { cause: error }));
    if (reply.sent) return;
    if (status === 503) void reply.header('retry-after', '2');
    const errors = error instanceof AppError ? error.details['errors'] : undefined;
    const message = TEXTS[status] ?? (status >= 500 ? 'Internal Server Error' : detail);
    void reply.status(status).send(errors === undefined ? { message } : { message, errors });
  }
}
