/**
 * Every scheduled job of the project, each body one call. Jobs run in every worker; each is safe to run twice at once,
 * because the rows it works on are locked and what is done is done.
 */
import { Injectable, Logger } from '@nestjs/common';
import { Cron, Interval } from '@nestjs/schedule';
import { ScheduledEntry } from '../engine/scheduled-entry.js';
import { isDisconnect } from '../persistence/database.js';
import { Housekeeping } from '../persistence/housekeeping.js';
import { CounterFolding } from '../reporting/counter-folding.js';

@Injectable()
export class SchedulerService {
  private readonly logger = new Logger('Scheduler');

  constructor(
    private readonly scheduledEntry: ScheduledEntry,
    private readonly counters: CounterFolding,
    private readonly housekeeping: Housekeeping,
  ) {}

  @Interval('scheduled-entry', 1_000)
  async enterBySchedule(): Promise<void> {
    await this.run('scheduled entry', () => this.scheduledEntry.runDue());
  }

  @Interval('fold-counters', 5_000)
  async foldCounters(): Promise<void> {
    await this.run('folding of counters', () => this.counters.fold());
  }

  @Cron('17 * * * *', { name: 'housekeeping' })
  async keepHouse(): Promise<void> {
    await this.run('housekeeping', () => this.housekeeping.run());
  }

  /** A job that fails is logged and comes round again. */
  private async run(name: string, job: () => Promise<void>): Promise<void> {
    try {
      await job();
    } catch (error) {
      if (isDisconnect(error)) this.logger.warn({ msg: `${name}: the database is away`, err: error });
      else this.logger.error({ msg: `${name} failed`, err: error });
    }
  }
}
