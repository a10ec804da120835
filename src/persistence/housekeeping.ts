import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Database } from './database.js';
import { ensurePartitions, forgetIdempotency } from './housekeeping.store.js';

/** What the database needs done now and then. */
@Injectable()
export class Housekeeping implements OnApplicationBootstrap {
  constructor(private readonly database: Database) {}

  /** The partitions of this week may be missing after a long rest. */
  onApplicationBootstrap(): Promise<void> {
    return this.run();
  }

  async run(): Promise<void> {
    await ensurePartitions(this.database);
    await forgetIdempotency(this.database);
  }
}
