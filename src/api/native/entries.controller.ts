import { Body, Get, Param, Post } from '@nestjs/common';
import { z } from 'zod';
import { EntriesService } from '../../engine/entries.service.js';
import { CurrentCaller } from '../../security/api-key.guard.js';
import type { Caller } from '../../security/api-keys.service.js';
import { id } from './inputs.js';
import { NativeController, Route } from './route.js';
import { acceptedOut, entryDetailOut } from './shapes.js';

const exitBody = z.strictObject({
  reason: z.string().trim().min(1).max(200).optional().meta({ description: 'Shown in the timeline.' }),
});
const nothing = z.strictObject({});

@NativeController('entries')
export class EntriesController {
  constructor(private readonly entries: EntriesService) {}

  @Get('entries/:id')
  @Route({
    summary: 'One entry with its timeline',
    scope: 'entries.read',
    answer: entryDetailOut,
    refuses: ['entry_unknown'],
  })
  show(@Param('id', { schema: id }) entryId: string, @CurrentCaller() caller: Caller) {
    return this.entries.show(caller.workspace, entryId);
  }

  @Post('entries/:id/exit')
  @Route({
    summary: 'Take one user out',
    scope: 'entries.write',
    status: 202,
    answer: acceptedOut,
    refuses: ['entry_unknown', 'entry_state'],
    write: true,
  })
  async exit(
    @Param('id', { schema: id }) entryId: string,
    @Body({ schema: exitBody }) body: z.infer<typeof exitBody>,
    @CurrentCaller() caller: Caller,
  ) {
    await this.entries.exit(caller.workspace, entryId, body.reason);
    return accepted(entryId);
  }

  @Post('entries/:id/continue')
  @Route({
    summary: 'Let a parked entry go on',
    scope: 'entries.write',
    status: 202,
    answer: acceptedOut,
    refuses: ['entry_unknown', 'entry_state'],
    write: true,
  })
  async continueParked(
    @Param('id', { schema: id }) entryId: string,
    @Body({ schema: nothing }) _body: object,
    @CurrentCaller() caller: Caller,
  ) {
    await this.entries.continueParked(caller.workspace, entryId);
    return accepted(entryId);
  }

  @Post('entries/:id/retry')
  @Route({
    summary: 'Try an errored entry again',
    scope: 'entries.write',
    status: 202,
    answer: acceptedOut,
    refuses: ['entry_unknown', 'entry_not_errored'],
    write: true,
  })
  async retry(
    @Param('id', { schema: id }) entryId: string,
    @Body({ schema: nothing }) _body: object,
    @CurrentCaller() caller: Caller,
  ) {
    await this.entries.retry(caller.workspace, entryId);
    return accepted(entryId);
  }
}

/** The engine does it with the entry's next tick. */
function accepted(id: string) {
  return { id, accepted: true };
}
