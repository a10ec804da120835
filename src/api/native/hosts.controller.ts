import { Body, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { hostSettingsSchema, type HostSettings } from '../../delivery/host-settings.js';
import { HostsService } from '../../delivery/hosts.service.js';
import { CurrentCaller } from '../../security/api-key.guard.js';
import type { Caller } from '../../security/api-keys.service.js';
import { cursorPage, origin, pageOf } from './inputs.js';
import { NativeController, Route } from './route.js';
import { hostOut, listOf } from './shapes.js';

const listQuery = z.strictObject(cursorPage);
const nothing = z.strictObject({});

@NativeController('hosts')
export class HostsController {
  constructor(private readonly hosts: HostsService) {}

  @Get('hosts')
  @Route({
    summary: 'Hosts: circuits, limits, queue depth, oldest age',
    scope: 'hosts.read',
    answer: listOf(hostOut),
    refuses: ['cursor_invalid'],
  })
  list(@Query({ schema: listQuery }) query: z.infer<typeof listQuery>, @CurrentCaller() caller: Caller) {
    return this.hosts.list(caller.workspace, pageOf(query));
  }

  @Get('hosts/:host')
  @Route({
    summary: 'One host; `:host` is the URL-encoded origin',
    scope: 'hosts.read',
    answer: hostOut,
    refuses: ['host_unknown'],
  })
  show(@Param('host', { schema: origin }) host: string, @CurrentCaller() caller: Caller) {
    return this.hosts.show(caller.workspace, host);
  }

  @Patch('hosts/:host')
  @Route({
    summary: 'Set limits and circuit numbers, also of a host not seen yet; null = the default',
    scope: 'hosts.write',
    answer: hostOut,
    write: true,
  })
  patch(
    @Param('host', { schema: origin }) host: string,
    @Body({ schema: hostSettingsSchema }) settings: HostSettings,
    @CurrentCaller() caller: Caller,
  ) {
    return this.hosts.patch(caller.workspace, host, settings, caller.actor);
  }

  @Post('hosts/:host/pause')
  @Route({
    summary: 'Send nothing to this host until resumed',
    scope: 'hosts.write',
    answer: hostOut,
    refuses: ['host_unknown'],
    write: true,
  })
  pause(
    @Param('host', { schema: origin }) host: string,
    @Body({ schema: nothing }) _body: object,
    @CurrentCaller() caller: Caller,
  ) {
    return this.hosts.pause(caller.workspace, host, caller.actor);
  }

  @Post('hosts/:host/resume')
  @Route({
    summary: 'Send to this host again',
    scope: 'hosts.write',
    answer: hostOut,
    refuses: ['host_unknown'],
    write: true,
  })
  resume(
    @Param('host', { schema: origin }) host: string,
    @Body({ schema: nothing }) _body: object,
    @CurrentCaller() caller: Caller,
  ) {
    return this.hosts.resume(caller.workspace, host, caller.actor);
  }

  @Post('hosts/:host/reset')
  @Route({
    summary: 'Close the circuit and forget what was learnt of the host’s rate',
    scope: 'hosts.write',
    answer: hostOut,
    refuses: ['host_unknown'],
    write: true,
  })
  reset(
    @Param('host', { schema: origin }) host: string,
    @Body({ schema: nothing }) _body: object,
    @CurrentCaller() caller: Caller,
  ) {
    return this.hosts.reset(caller.workspace, host, caller.actor);
  }
}
