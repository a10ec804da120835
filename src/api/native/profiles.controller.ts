import { Get, Param, Query } from '@nestjs/common';
import { z } from 'zod';
import { ProfileViewsService } from '../../reporting/profile-views.service.js';
import { CurrentCaller } from '../../security/api-key.guard.js';
import type { Caller } from '../../security/api-keys.service.js';
import { cursorPage, pageOf } from './inputs.js';
import { NativeController, Route } from './route.js';
import { listOf, profileDetailOut, profileOut } from './shapes.js';

const listQuery = z.strictObject(cursorPage);
const externalId = z.string().min(1).max(997);

@NativeController('profiles')
export class ProfilesController {
  constructor(private readonly profiles: ProfileViewsService) {}

  @Get('profiles')
  @Route({
    summary: 'Profiles, in a stable order',
    scope: 'profiles.read',
    answer: listOf(profileOut),
    refuses: ['cursor_invalid'],
  })
  list(@Query({ schema: listQuery }) query: z.infer<typeof listQuery>, @CurrentCaller() caller: Caller) {
    return this.profiles.list(caller.workspace, pageOf(query));
  }

  @Get('profiles/:external_id')
  @Route({
    summary: 'One profile with its events and its last entries',
    scope: 'profiles.read',
    answer: profileDetailOut,
    refuses: ['profile_unknown'],
  })
  show(@Param('external_id', { schema: externalId }) external: string, @CurrentCaller() caller: Caller) {
    return this.profiles.show(caller.workspace, external);
  }
}
