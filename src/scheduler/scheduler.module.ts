import { Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { EngineWorkerModule } from '../engine/engine.module.js';
import { Housekeeping } from '../persistence/housekeeping.js';
import { CounterFolding } from '../reporting/counter-folding.js';
import { SchedulerService } from './scheduler.service.js';

@Module({
  imports: [ScheduleModule.forRoot(), EngineWorkerModule],
  providers: [SchedulerService, Housekeeping, CounterFolding],
})
export class SchedulerModule {}
