import { Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Clock } from '../kernel/clock.js';
import { CLOCK } from '../persistence/persistence.module.js';
import { JourneyCatalog } from './catalog.js';
import { JourneyDraftsService } from './drafts.service.js';
import { JourneysService } from './journeys.service.js';
import { JourneyLifecycleService } from './lifecycle.service.js';

/** Definitions: drafts, life cycle, and the catalog of compiled versions that the engine and ingest work with. */
@Module({
  providers: [
    JourneyCatalog,
    {
      provide: JourneysService,
      useFactory: (dataSource: DataSource) => new JourneysService(dataSource),
      inject: [DataSource],
    },
    {
      provide: JourneyDraftsService,
      useFactory: (dataSource: DataSource, clock: Clock) => new JourneyDraftsService(dataSource, clock),
      inject: [DataSource, CLOCK],
    },
    {
      provide: JourneyLifecycleService,
      useFactory: (dataSource: DataSource, clock: Clock) => new JourneyLifecycleService(dataSource, clock),
      inject: [DataSource, CLOCK],
    },
  ],
  exports: [JourneyCatalog, JourneysService, JourneyDraftsService, JourneyLifecycleService],
})
export class JourneysModule {}
