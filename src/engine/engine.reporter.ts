import { Logger } from '@nestjs/common';
import { isDisconnect } from '../persistence/database.js';
import type { Heartbeats } from '../reporting/heartbeats.js';
import { entries, steps, ticks } from '../reporting/metrics.js';
import type { Failed } from './decide.js';
import type { EngineReport } from './engine.loop.js';

const LOOP = 'engine';
/** A tick of a full batch takes a fraction of a second; a minute without one means that the loop hangs. */
const BEAT_WITHIN_MS = 60_000;

/** What the engine says of itself: logs, metrics, and a beat for `/readyz`. */
export class EngineReporter implements EngineReport {
  private readonly logger = new Logger('Engine');

  constructor(private readonly heartbeats: Heartbeats) {}

  started(): void {
    this.heartbeats.expect(LOOP, BEAT_WITHIN_MS);
  }

  stopped(): void {
    this.heartbeats.forget(LOOP);
  }

  beat(): void {
    this.heartbeats.beat(LOOP);
  }

  ticked({ advanced, passed, outcomes }: Parameters<EngineReport['ticked']>[0], seconds: number): void {
    if (advanced === 0) return;
    ticks.observe(seconds);
    steps.inc(passed);
    for (const [outcome, n] of Object.entries(outcomes)) if (n > 0) entries.inc({ outcome }, n);
  }

  errored(failed: readonly Failed[]): void {
    for (const { claimed, code, cause } of failed) {
      const { id, journey_id, step } = claimed.row;
      this.logger.error({ msg: 'an entry errored', entry: id, journey: journey_id, step, code, err: cause });
    }
  }

  failed(error: unknown): void {
    if (isDisconnect(error)) this.logger.warn({ msg: 'the database is away, trying again', err: error });
    else this.logger.error({ msg: 'a batch failed and was rolled back', err: error });
  }
}
