import { Body, Param, Post } from '@nestjs/common';
import { z } from 'zod';
import { JourneyLifecycleService } from '../../journeys/lifecycle.service.js';
import { CurrentCaller } from '../../security/api-key.guard.js';
import type { Caller } from '../../security/api-keys.service.js';
import { journeyName } from './inputs.js';
import { NativeController, Route } from './route.js';
import { draftOut, journeyOut } from './shapes.js';

const launchBody = z.strictObject({
  version: z.int().min(1).max(2_147_483_647).optional().meta({ description: 'Default: the latest.' }),
  in_flight: z
    .enum(['stay', 'move'])
    .optional()
    .meta({ description: 'What becomes of entries in earlier versions. `move` is refused by name for now.' }),
});
const nothing = z.strictObject({});

@NativeController('journeys')
export class JourneyLifecycleController {
  constructor(private readonly lifecycle: JourneyLifecycleService) {}

  @Post('journeys/:key/launch')
  @Route({
    summary: 'Make a version the live one',
    scope: 'journeys.write',
    answer: draftOut,
    refuses: [
      'journey_unknown',
      'version_unknown',
      'journey_archived',
      'version_live',
      'journey_invalid',
      'in_flight_move_not_built',
    ],
    write: true,
  })
  launch(
    @Param('key', { schema: journeyName }) key: string,
    @Body({ schema: launchBody }) body: z.infer<typeof launchBody>,
    @CurrentCaller() caller: Caller,
  ) {
    return this.lifecycle.launch(
      caller.workspace,
      key,
      { version: body.version, inFlight: body.in_flight },
      caller.actor,
    );
  }

  @Post('journeys/:key/stop')
  @Route({
    summary: 'Nobody enters, nothing is sent, whoever ends a step leaves',
    scope: 'journeys.write',
    answer: journeyOut,
    refuses: ['journey_unknown', 'journey_not_launched', 'journey_stopped', 'journey_archived'],
    write: true,
  })
  stop(
    @Param('key', { schema: journeyName }) key: string,
    @Body({ schema: nothing }) _body: object,
    @CurrentCaller() caller: Caller,
  ) {
    return this.lifecycle.stop(caller.workspace, key, caller.actor);
  }

  @Post('journeys/:key/resume')
  @Route({
    summary: 'Go on: whoever was not due yet continues',
    scope: 'journeys.write',
    answer: journeyOut,
    refuses: ['journey_unknown', 'journey_not_launched', 'journey_active', 'journey_archived'],
    write: true,
  })
  resume(
    @Param('key', { schema: journeyName }) key: string,
    @Body({ schema: nothing }) _body: object,
    @CurrentCaller() caller: Caller,
  ) {
    return this.lifecycle.resume(caller.workspace, key, caller.actor);
  }

  @Post('journeys/:key/archive')
  @Route({
    summary: 'Stop for good and leave the lists',
    scope: 'journeys.write',
    answer: journeyOut,
    refuses: ['journey_unknown', 'journey_archived'],
    write: true,
  })
  archive(
    @Param('key', { schema: journeyName }) key: string,
    @Body({ schema: nothing }) _body: object,
    @CurrentCaller() caller: Caller,
  ) {
    return this.lifecycle.archive(caller.workspace, key, caller.actor);
  }
}
