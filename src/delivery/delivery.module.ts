/** The delivery room for Nest: services for the doors, and the loop where the process's role has one. */
import {
  Inject,
  Logger,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Config, addressOf } from '../config/env.js';
import type { Clock } from '../kernel/clock.js';
import { JourneyCatalog } from '../journeys/catalog.js';
import { JourneysModule } from '../journeys/journeys.module.js';
import { Database } from '../persistence/database.js';
import { Listener } from '../persistence/listener.js';
import { CLOCK } from '../persistence/persistence.module.js';
import { Heartbeats } from '../reporting/heartbeats.js';
import { egressRules } from '../security/address.js';
import { egressConnector } from '../security/egress.js';
import { DeliveriesService } from './deliveries.service.js';
import { DEFAULT_OPTIONS, DeliveryLoop } from './delivery.loop.js';
import { HostsService } from './hosts.service.js';
import type { LoadSubjects } from './prepare.js';
import { deliveryReport } from './delivery-report.js';
import { Sender } from './sender.js';

export const USER_AGENT = 'Itinera/0.1.0';
const CONNECT_TIMEOUT = 10_000;
const LOAD_SUBJECTS = Symbol('load subjects');
const LOOP_LATE = 30_000;

@Module({})
export class DeliveryModule {
  /** Services for doors; no loop. */
  static services(): DynamicModule {
    return {
      module: DeliveryModule,
      imports: [JourneysModule],
      providers: [
        {
          provide: DeliveriesService,
          useFactory: (database: Database, journeys: JourneyCatalog, clock: Clock) =>
            new DeliveriesService(database, journeys, clock, USER_AGENT),
          inject: [Database, JourneyCatalog, CLOCK],
        },
        {
          provide: HostsService,
          useFactory: (database: Database, clock: Clock) => new HostsService(database, clock),
          inject: [Database, CLOCK],
        },
      ],
      exports: [DeliveriesService, HostsService],
    };
  }
}

/** The loop. `loadSubjects`: how profiles and their past are loaded for templates and `only_if`. */
@Module({})
export class DeliveryLoopModule implements OnApplicationBootstrap, OnApplicationShutdown {
  static with(loadSubjects: LoadSubjects): DynamicModule {
    return {
      module: DeliveryLoopModule,
      imports: [JourneysModule],
      providers: [
        { provide: LOAD_SUBJECTS, useValue: loadSubjects },
        {
          provide: Sender,
          useFactory: (config: Config) => {
            const own = config.publicUrl ?? addressOf(config.host, config.port);
            return new Sender(
              egressConnector(egressRules(config.egressAllow, [own]), { connectTimeout: CONNECT_TIMEOUT }),
            );
          },
          inject: [Config],
        },
        {
          provide: DeliveryLoop,
          useFactory: (
            database: Database,
            journeys: JourneyCatalog,
            load: LoadSubjects,
            sender: Sender,
            clock: Clock,
            heartbeats: Heartbeats,
          ) =>
            new DeliveryLoop(database, journeys, load, sender, clock, {
              options: { ...DEFAULT_OPTIONS, userAgent: USER_AGENT },
              report: deliveryReport(new Logger('Delivery'), () => heartbeats.beat('delivery')),
            }),
          inject: [Database, JourneyCatalog, LOAD_SUBJECTS, Sender, CLOCK, Heartbeats],
        },
      ],
      exports: [DeliveryLoop],
    };
  }

  constructor(
    @Inject(DeliveryLoop) private readonly loop: DeliveryLoop,
    @Inject(Sender) private readonly sender: Sender,
    @Inject(Listener) private readonly listener: Listener,
    @Inject(Heartbeats) private readonly heartbeats: Heartbeats,
    @Inject(Config) private readonly config: Config,
  ) {
    this.listener.on('itinera_delivery', () => this.loop.poke());
  }

  onApplicationBootstrap(): void {
    this.heartbeats.expect('delivery', LOOP_LATE);
    this.loop.start();
  }

  /** Stops claiming, lets requests under way finish, records them. */
  async onModuleDestroy(): Promise<void> {
    await this.loop.stop(this.config.shutdownMs);
    this.heartbeats.forget('delivery');
  }

  async onApplicationShutdown(): Promise<void> {
    await this.sender.close();
  }
}
