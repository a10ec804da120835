import { Module } from '@nestjs/common';
import { DeliveryModule } from '../../delivery/delivery.module.js';
import { EngineModule } from '../../engine/engine.module.js';
import { JourneysModule } from '../../journeys/journeys.module.js';
import type { Clock } from '../../kernel/clock.js';
import { Database } from '../../persistence/database.js';
import { CLOCK } from '../../persistence/persistence.module.js';
import { ProfileViewsService } from '../../reporting/profile-views.service.js';
import { StatsService } from '../../reporting/stats.service.js';
import { SecurityModule } from '../../security/security.module.js';
import { DeliveriesController } from './deliveries.controller.js';
import { EntriesController } from './entries.controller.js';
import { HostsController } from './hosts.controller.js';
import { IdempotencyService } from './idempotency.service.js';
import { JourneyEntriesController } from './journey-entries.controller.js';
import { JourneyLifecycleController } from './journey-lifecycle.controller.js';
import { JourneysController } from './journeys.controller.js';
import { KeysController } from './keys.controller.js';
import { ProfilesController } from './profiles.controller.js';

/** The native API under `/api`: parse, one service call, answer. `serveApiDocs` (openapi.ts) adds its description. */
@Module({
  imports: [SecurityModule, JourneysModule, EngineModule, DeliveryModule.services()],
  controllers: [
    JourneysController,
    JourneyLifecycleController,
    JourneyEntriesController,
    EntriesController,
    DeliveriesController,
    HostsController,
    ProfilesController,
    KeysController,
  ],
  providers: [
    {
      provide: IdempotencyService,
      useFactory: (database: Database, clock: Clock) => new IdempotencyService(database, clock),
      inject: [Database, CLOCK],
    },
    ProfileViewsService,
    StatsService,
  ],
  exports: [IdempotencyService],
})
export class NativeApiModule {}
