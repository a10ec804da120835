/**
 * What a process is made of. The role chooses: `api` has doors and no loops, `worker` has loops and no doors but those
 * for operating it, `all` has both. Here alone engine and delivery are named together: how subjects are loaded is handed
 * from the one to the other.
 */
import { Module, type DynamicModule } from '@nestjs/common';
import { UsersTrackModule } from './api/braze/users-track/users-track.module.js';
import { NativeApiModule } from './api/native/native-api.module.js';
import { OperateModule } from './api/operate/operate.module.js';
import { ConfigModule } from './config/config.module.js';
import type { Config } from './config/env.js';
import { DeliveryLoopModule } from './delivery/delivery.module.js';
import { EngineModule, EngineWorkerModule } from './engine/engine.module.js';
import { loadSubjects } from './engine/subjects.js';
import type { DatabaseOptions } from './persistence/database.js';
import { PersistenceModule } from './persistence/persistence.module.js';
import { HealthModule } from './reporting/health.module.js';
import { SchedulerModule } from './scheduler/scheduler.module.js';
import { SecurityModule } from './security/security.module.js';

@Module({})
export class AppModule {
  static with(config: Config, secret: string, database: DatabaseOptions): DynamicModule {
    const base = [
      ConfigModule.with(config, secret),
      PersistenceModule.with(database),
      HealthModule,
      SecurityModule,
      EngineModule,
    ];
    const doors = [NativeApiModule, UsersTrackModule];
    const loops = [EngineWorkerModule, DeliveryLoopModule.with(loadSubjects), SchedulerModule];
    return {
      module: AppModule,
      imports: [
        ...base,
        OperateModule,
        ...(config.role === 'worker' ? [] : doors),
        ...(config.role === 'api' ? [] : loops),
      ],
    };
  }
}
