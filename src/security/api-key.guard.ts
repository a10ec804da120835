import {
  createParamDecorator,
  ForbiddenException,
  Injectable,
  SetMetadata,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../kernel/errors.js';
import { ApiKeysService, type Caller } from './api-keys.service.js';
import { grants, type ScopeName } from './scopes.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `ApiKeyGuard`. */
    caller?: Caller;
    workspace: number;
    actor: string;
  }
}

const SCOPE = 'itinera:scope';

/** The scope a handler (or every handler of a controller) needs. */
export const Scope = (scope: ScopeName): MethodDecorator & ClassDecorator => SetMetadata(SCOPE, scope);

/** Who calls, in a handler behind `ApiKeyGuard`. */
export const CurrentCaller = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!caller) throw new AppError('guard_missing', 'a handler asks for its caller but has no ApiKeyGuard');
  return caller;
});

/**
 * Lets a request in when it carries a valid key with the scope the handler names, as `Authorization: Bearer KEY` or as
 * the user name of basic authentication (Segment's write key). Sets `request.workspace`, `request.actor` and
 * `request.caller`. Refuses with 401 or 403; under `/api` the body has a `code`, elsewhere it is Braze's `{ message }`.
 */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  constructor(
    private readonly keys: ApiKeysService,
    private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const scope = this.reflector.getAllAndOverride<ScopeName | undefined>(SCOPE, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (scope === undefined)
      throw new AppError('scope_undeclared', `${context.getClass().name}.${context.getHandler().name} names no scope`);
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const native = isNative(request.url);
    const key = keyOf(request.headers.authorization);
    const caller = key === null ? null : await this.keys.authenticate(key);
    if (!caller) {
      context.switchToHttp().getResponse<FastifyReply>().header('www-authenticate', 'Bearer realm="itinera"');
      throw unauthorized(native, key === null);
    }
    if (!grants(caller.scopes, scope)) throw forbidden(native, scope);
    request.caller = caller;
    request.workspace = caller.workspace;
    request.actor = caller.actor;
    return true;
  }
}

/** Whether a request is for the native API, whose errors are problem documents. */
export function isNative(url: string): boolean {
  return /^\/api(?:[/?]|$)/.test(url);
}

/** The key in an `Authorization` header, or `null`. */
export function keyOf(header: string | undefined): string | null {
  const [, scheme, value] = /^\s*(\w+)\s+(\S+)\s*$/.exec(header ?? '') ?? [];
  if (scheme === undefined || value === undefined) return null;
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return null;
  const user = Buffer.from(value, 'base64').toString('utf8').split(':', 1)[0];
  return user === undefined || user === '' ? null : user;
}

function unauthorized(native: boolean, missing: boolean): UnauthorizedException {
  if (!native) return new UnauthorizedException({ message: 'Unauthorized' });
  return missing
    ? new UnauthorizedException({ code: 'api_key_missing', message: 'send an API key: "Authorization: Bearer KEY"' })
    : new UnauthorizedException({ code: 'api_key_invalid', message: 'the API key is unknown or revoked' });
}

function forbidden(native: boolean, scope: ScopeName): ForbiddenException {
  if (!native) return new ForbiddenException({ message: 'Forbidden' });
  return new ForbiddenException({ code: 'scope_missing', message: `the API key lacks the scope ${scope}`, scope });
}
