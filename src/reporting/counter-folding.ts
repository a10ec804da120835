import { Injectable } from '@nestjs/common';
import { Database } from '../persistence/database.js';
import { foldCounters } from './counters.store.js';

/** Folds what batches have appended into the counters, one call at a time per process. */
@Injectable()
export class CounterFolding {
  private busy = false;

  constructor(private readonly database: Database) {}

  async fold(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      await foldCounters(this.database);
    } finally {
      this.busy = false;
    }
  }
}
