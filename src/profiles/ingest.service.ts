/**
 * The way in for everything that is known of users. `track` promises: when it resolves, all of the request is stored and
 * committed; when it rejects, nothing of it is, unless the connection was lost at the very commit. Concurrent calls
 * share transactions (`group-commit.ts`); a crash loses what was not answered and nothing else. There is no
 * deduplication: each event is a distinct occurrence.
 */
import type { Clock } from '../kernel/clock.js';
import { isDisconnect, type Database } from '../persistence/database.js';
import { GroupCommit } from './group-commit.js';
import type { IngestListener } from './happening.js';
import { ingest } from './ingest.js';
import type { TrackRequest, TrackResult } from './track.js';

export interface IngestOptions {
  /** Objects a transaction holds at most, unless a single request has more. */
  readonly groupSize: number;
  /** Transactions at a time: more than two only wait for each other. */
  readonly maxInFlight: number;
  readonly lingerMs: number;
  /** Objects that may wait; beyond, calls are refused with `ingest_overloaded`. */
  readonly maxWaiting: number;
}

export const INGEST_DEFAULTS: IngestOptions = { groupSize: 1000, maxInFlight: 2, lingerMs: 3, maxWaiting: 100_000 };

export class IngestService {
  private readonly groups: GroupCommit<TrackRequest, TrackResult>;

  constructor(database: Database, listener: IngestListener, clock: Clock, options: IngestOptions = INGEST_DEFAULTS) {
    this.groups = new GroupCommit({
      run: (workspace, requests) =>
        database.transaction((tx) => ingest(tx, workspace, requests, listener, clock.now())),
      weigh: ({ attributes, events, purchases }) => attributes.length + events.length + purchases.length,
      fullWeight: options.groupSize,
      maxInFlight: options.maxInFlight,
      lingerMs: options.lingerMs,
      maxWaiting: options.maxWaiting,
      isOutage: isDisconnect,
    });
  }

  /** Stores a request. Rejects with `ingest_overloaded`, or with what the database says. */
  track(workspace: number, request: TrackRequest): Promise<TrackResult> {
    return this.groups.add(workspace, request);
  }

  /** Nest calls it before the pools close: what was taken in is stored first. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.groups.drain();
  }
}
