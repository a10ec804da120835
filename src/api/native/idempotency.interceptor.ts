import { createHash } from 'node:crypto';
import {
  Injectable,
  Logger,
  SetMetadata,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom, of, type Observable } from 'rxjs';
import { AppError } from '../../kernel/errors.js';
import { isJsonObject } from '../../kernel/json.js';
import { IdempotencyService } from './idempotency.service.js';
import type { IdempotencyKey } from './idempotency.store.js';

type Request = FastifyRequest & { readonly rawBody?: Buffer };

const SECRET = 'itinera:shown-once';
const IN_BODY = 'itinera:key-in-body';

/** A member of the answer that is shown once: it is not stored, and a repeated request gets `null` in its place. */
export const ShownOnce = (member: string): MethodDecorator => SetMetadata(SECRET, member);

/** The body may carry the key as well, under this name; such a key counts for the one path it was sent to. */
export const KeyInBody = (member: string): MethodDecorator => SetMetadata(IN_BODY, member);

/**
 * `Idempotency-Key` on writes: a request that is sent again with the same key and the same content gets the stored answer
 * and changes nothing. Only what succeeded is stored: a request that was refused may be mended and sent again with the
 * same key. Errors: `idempotency_key_invalid`, `idempotency_key_reused` (another request came with the key),
 * `idempotency_in_progress` (the first one is not done).
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  private readonly logger = new Logger('Idempotency');

  constructor(
    private readonly keys: IdempotencyService,
    private readonly reflector: Reflector,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = context.switchToHttp().getRequest<Request>();
    if (request.method === 'GET' || request.method === 'HEAD') return next.handle();
    const key = this.keyOf(request, context);
    if (key === undefined) return next.handle();
    const { outcome, held } = await this.keys.claim(request.workspace, key, fingerprintOf(request));
    switch (outcome.kind) {
      case 'reused':
        throw new AppError('idempotency_key_reused', 'another request has used this Idempotency-Key');
      case 'in_progress':
        throw new AppError('idempotency_in_progress', 'the first request with this Idempotency-Key is still under way');
      case 'answered':
        void context.switchToHttp().getResponse<FastifyReply>().header('idempotency-replayed', 'true');
        return of(outcome.body ?? undefined);
      case 'claimed':
        return from(this.run(context, next, held));
    }
  }

  private keyOf(request: Request, context: ExecutionContext): string | undefined {
    const header = request.headers['idempotency-key'];
    if (header !== undefined) return checkKey(header);
    const member = this.reflector.get<string | undefined>(IN_BODY, context.getHandler());
    if (member === undefined || !isJsonObject(request.body)) return undefined;
    const key = request.body[member];
    // Anything else is refused by the handler's schema.
    return typeof key === 'string' && key.length > 0 && key.length <= 255 && !key.includes('\0')
      ? `${request.url}#${key}`
      : undefined;
  }

  private async run(context: ExecutionContext, next: CallHandler, held: IdempotencyKey): Promise<unknown> {
    let answer: unknown;
    try {
      answer = await lastValueFrom(next.handle(), { defaultValue: undefined });
    } catch (error) {
      await this.keys.release(held).catch((failure: unknown) => this.logger.warn(failure));
      throw error;
    }
    const secret = this.reflector.get<string | undefined>(SECRET, context.getHandler());
    const { statusCode } = context.switchToHttp().getResponse<FastifyReply>();
    await this.keys.complete(held, statusCode, secret === undefined ? answer : without(answer, secret));
    return answer;
  }
}

function checkKey(header: string | string[]): string {
  if (typeof header === 'string' && /^[\x20-\x7e]{1,255}$/.test(header)) return header;
  const message = 'an Idempotency-Key is 1 to 255 printable ASCII characters';
  throw new AppError('idempotency_key_invalid', message, {
    issues: [{ parameter: 'Idempotency-Key', code: 'invalid_value', message }],
  });
}

function fingerprintOf(request: Request): Buffer {
  const hash = createHash('sha256').update(`${request.method} ${request.url}\n`);
  return hash.update(request.rawBody ?? JSON.stringify(request.body ?? null)).digest();
}

function without(answer: unknown, member: string): unknown {
  return typeof answer === 'object' && answer !== null ? { ...answer, [member]: null } : answer;
}
