import { Body, Get, Param, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { DeliveriesService } from '../../delivery/deliveries.service.js';
import { CurrentCaller } from '../../security/api-key.guard.js';
import type { Caller } from '../../security/api-keys.service.js';
import { cursorPage, id, journeyName, origin, pageOf, time } from './inputs.js';
import { NativeController, Route } from './route.js';
import { deliveryDetailOut, deliveryOut, listOf, retriedOut } from './shapes.js';

const STATUSES = ['held', 'due', 'sending', 'retry', 'delivered', 'failed', 'aborted', 'expired', 'cancelled'] as const;

const filter = {
  journey: journeyName.optional(),
  step: z.string().min(1).max(63).optional(),
  host: origin.optional().meta({ description: 'An origin, like https://api.example.com.' }),
  external_id: z.string().min(1).max(997).optional(),
  entry_id: id.optional(),
  from: time.optional(),
  to: time.optional(),
};
const listQuery = z.strictObject({ ...filter, status: z.enum(STATUSES).optional(), ...cursorPage });
const retryManyBody = z.strictObject({
  filter: z
    .strictObject({ ...filter, status: z.enum(['delivered', 'failed', 'aborted', 'expired', 'cancelled']).optional() })
    .default({}),
  rate: z
    .number()
    .min(0.1)
    .max(10_000)
    .optional()
    .meta({ description: 'Deliveries a second; default: as fast as the host takes them.' }),
});
const nothing = z.strictObject({});

@NativeController('deliveries')
export class DeliveriesController {
  constructor(private readonly deliveries: DeliveriesService) {}

  @Get('deliveries')
  @Route({
    summary: 'Deliveries, newest first',
    scope: 'deliveries.read',
    answer: listOf(deliveryOut),
    refuses: ['cursor_invalid', 'journey_unknown'],
  })
  list(@Query({ schema: listQuery }) query: z.infer<typeof listQuery>, @CurrentCaller() caller: Caller) {
    const { cursor: _cursor, limit: _limit, ...wanted } = query;
    return this.deliveries.list(caller.workspace, wanted, pageOf(query));
  }

  @Get('deliveries/:id')
  @Route({
    summary: 'One delivery with its request and every attempt',
    scope: 'deliveries.read',
    answer: deliveryDetailOut,
    refuses: ['delivery_unknown'],
  })
  show(@Param('id', { schema: id }) deliveryId: string, @CurrentCaller() caller: Caller) {
    return this.deliveries.show(caller.workspace, deliveryId);
  }

  @Post('deliveries/retry')
  @Route({
    summary: 'Send many again, by filter; without a status: failed, aborted and expired ones',
    scope: 'deliveries.write',
    answer: retriedOut,
    refuses: ['journey_unknown'],
    write: true,
  })
  retryMany(@Body({ schema: retryManyBody }) body: z.infer<typeof retryManyBody>, @CurrentCaller() caller: Caller) {
    return this.deliveries.retryMany(caller.workspace, body.filter, { rate: body.rate }, caller.actor);
  }

  @Post('deliveries/:id/retry')
  @Route({
    summary: 'Send one again',
    scope: 'deliveries.write',
    answer: deliveryDetailOut,
    refuses: ['delivery_unknown', 'delivery_state'],
    write: true,
  })
  retry(
    @Param('id', { schema: id }) deliveryId: string,
    @Body({ schema: nothing }) _body: object,
    @CurrentCaller() caller: Caller,
  ) {
    return this.deliveries.retry(caller.workspace, deliveryId, caller.actor);
  }

  @Post('deliveries/:id/cancel')
  @Route({
    summary: 'Do not send it',
    scope: 'deliveries.write',
    answer: deliveryDetailOut,
    refuses: ['delivery_unknown', 'delivery_state'],
    write: true,
  })
  cancel(
    @Param('id', { schema: id }) deliveryId: string,
    @Body({ schema: nothing }) _body: object,
    @CurrentCaller() caller: Caller,
  ) {
    return this.deliveries.cancel(caller.workspace, deliveryId, caller.actor);
  }
}
