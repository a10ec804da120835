import { Module } from '@nestjs/common';
import type { Clock } from '../kernel/clock.js';
import { Database } from '../persistence/database.js';
import { CLOCK } from '../persistence/persistence.module.js';
import { IngestListener } from './happening.js';
import { IngestService } from './ingest.service.js';

/** Ingest. Who listens (`IngestListener`) comes from a global module: this room does not know it. */
@Module({
  providers: [
    {
      provide: IngestService,
      useFactory: (database: Database, listener: IngestListener, clock: Clock) =>
        new IngestService(database, listener, clock),
      inject: [Database, IngestListener, CLOCK],
    },
  ],
  exports: [IngestService],
})
export class ProfilesModule {}
