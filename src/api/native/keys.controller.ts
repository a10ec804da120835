import { Body, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { CurrentCaller } from '../../security/api-key.guard.js';
import { ApiKeysService, type Caller } from '../../security/api-keys.service.js';
import { SCOPES } from '../../security/scopes.js';
import { ShownOnce } from './idempotency.interceptor.js';
import { cursorPage, id, pageOf } from './inputs.js';
import { NativeController, Route } from './route.js';
import { keyOut, listOf, newKeyOut } from './shapes.js';

const listQuery = z.strictObject(cursorPage);
const createBody = z.strictObject({
  name: z.string().trim().min(1).max(200),
  scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length),
});

@NativeController('keys')
export class KeysController {
  constructor(private readonly keys: ApiKeysService) {}

  @Get('keys')
  @Route({
    summary: 'API keys, newest first, revoked ones included',
    scope: 'keys.write',
    answer: listOf(keyOut),
    refuses: ['cursor_invalid'],
  })
  list(@Query({ schema: listQuery }) query: z.infer<typeof listQuery>, @CurrentCaller() caller: Caller) {
    return this.keys.list(caller.workspace, pageOf(query));
  }

  @Post('keys')
  @ShownOnce('key')
  @Route({
    summary: 'New API key; the secret is in this answer and nowhere else',
    scope: 'keys.write',
    status: 201,
    answer: newKeyOut,
    refuses: ['scope_beyond_own'],
    write: true,
  })
  create(@Body({ schema: createBody }) body: z.infer<typeof createBody>, @CurrentCaller() caller: Caller) {
    return this.keys.create(caller, body);
  }

  @Delete('keys/:id')
  @Route({ summary: 'Revoke an API key', scope: 'keys.write', status: 204, refuses: ['api_key_unknown'], write: true })
  revoke(@Param('id', { schema: id }) keyId: string, @CurrentCaller() caller: Caller): Promise<void> {
    return this.keys.revoke(caller, keyId);
  }
}
