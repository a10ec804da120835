import {
  Global,
  Inject,
  Injectable,
  Module,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { JourneyCatalog } from '../journeys/catalog.js';
import { JourneysModule } from '../journeys/journeys.module.js';
import type { Clock } from '../kernel/clock.js';
import { Database } from '../persistence/database.js';
import { Listener } from '../persistence/listener.js';
import { CLOCK } from '../persistence/persistence.module.js';
import { IngestListener } from '../profiles/happening.js';
import { Heartbeats } from '../reporting/heartbeats.js';
import { ENGINE_DEFAULTS, EngineLoop } from './engine.loop.js';
import { EngineReporter } from './engine.reporter.js';
import { EntriesService } from './entries.service.js';
import { Reactions } from './reactions.js';
import { ScheduledEntry } from './scheduled-entry.js';
import { Tick } from './tick.js';

/** Letting profiles in and looking at entries: every role. Ingest tells `Reactions` what happens. */
@Global()
@Module({
  imports: [JourneysModule],
  providers: [EntriesService, Reactions, { provide: IngestListener, useExisting: Reactions }],
  exports: [EntriesService, Reactions, IngestListener, JourneysModule],
})
export class EngineModule {}

@Injectable()
export class EngineWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly loop: EngineLoop;

  constructor(
    database: Database,
    catalog: JourneyCatalog,
    reactions: Reactions,
    listener: Listener,
    heartbeats: Heartbeats,
    @Inject(CLOCK) clock: Clock,
  ) {
    const tick = new Tick(database, catalog, reactions);
    this.loop = new EngineLoop(tick, clock, ENGINE_DEFAULTS, new EngineReporter(heartbeats));
    listener.on('itinera_engine', () => this.loop.poke());
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.loop.stop();
  }
}

/** Advancing entries: roles with workers. */
@Module({ imports: [EngineModule], providers: [EngineWorker, ScheduledEntry], exports: [ScheduledEntry] })
export class EngineWorkerModule {}
