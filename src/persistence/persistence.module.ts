/**
 * The database for every room: `Database` (hot tables), TypeORM's `DataSource` (definitions), `Listener` (hints) and the
 * clock. Handlers are put on the listener while modules initialise; it connects after that. Pools close when the doors
 * and loops have ended.
 */
import {
  Inject,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { systemClock } from '../kernel/clock.js';
import { createDataSource } from './data-source.js';
import { Database, type DatabaseOptions } from './database.js';
import { Listener } from './listener.js';

/** Token of the `Clock`. */
export const CLOCK = Symbol('clock');

@Module({})
export class PersistenceModule implements OnApplicationBootstrap, OnApplicationShutdown {
  static with(options: DatabaseOptions, clock = systemClock): DynamicModule {
    return {
      module: PersistenceModule,
      global: true,
      imports: [
        TypeOrmModule.forRootAsync({
          useFactory: () => createDataSource(options).options,
          dataSourceFactory: () => createDataSource(options).initialize(),
        }),
      ],
      providers: [
        { provide: Database, useFactory: () => new Database(options) },
        { provide: Listener, useFactory: () => new Listener(options) },
        { provide: CLOCK, useValue: clock },
      ],
      exports: [Database, Listener, CLOCK],
    };
  }

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Listener) private readonly listener: Listener,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.listener.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.listener.stop();
    await this.database.close();
  }
}
