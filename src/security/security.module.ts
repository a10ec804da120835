import { Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Clock } from '../kernel/clock.js';
import { CLOCK } from '../persistence/persistence.module.js';
import { ApiKeyGuard } from './api-key.guard.js';
import { ApiKeysService } from './api-keys.service.js';

/** API keys and the guard that every door but the callbacks stands behind. */
@Module({
  providers: [
    {
      provide: ApiKeysService,
      useFactory: (dataSource: DataSource, clock: Clock) => new ApiKeysService(dataSource, clock),
      inject: [DataSource, CLOCK],
    },
    ApiKeyGuard,
  ],
  exports: [ApiKeysService, ApiKeyGuard],
})
export class SecurityModule {}
