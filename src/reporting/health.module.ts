import { Global, Module } from '@nestjs/common';
import type { Clock } from '../kernel/clock.js';
import { Database } from '../persistence/database.js';
import { CLOCK } from '../persistence/persistence.module.js';
import { Health } from './health.js';
import { Heartbeats } from './heartbeats.js';

/** Signs of life: the loops of every room beat here, `/readyz` and `/metrics` look. */
@Global()
@Module({
  providers: [
    { provide: Heartbeats, useFactory: (clock: Clock) => new Heartbeats(clock), inject: [CLOCK] },
    {
      provide: Health,
      useFactory: (database: Database, heartbeats: Heartbeats, clock: Clock) => new Health(database, heartbeats, clock),
      inject: [Database, Heartbeats, CLOCK],
    },
  ],
  exports: [Heartbeats, Health],
})
export class HealthModule {}
