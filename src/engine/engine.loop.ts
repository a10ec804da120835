/**
 * Runs the tick, again at once while batches come back full, otherwise when something is heard of (LISTEN) or the
 * interval has passed. The loop holds nothing that matters: all timers are rows.
 */
import type { Clock } from '../kernel/clock.js';
import { isDisconnect } from '../persistence/database.js';
import type { Failed } from './decide.js';
import type { Tick, TickResult } from './tick.js';

export interface EngineLoopOptions {
  /** Entries per tick at most. */
  readonly batch: number;
  /** Ticks at the same time, each on its own connection. */
  readonly concurrency: number;
  /** Milliseconds between looks when nothing is heard. */
  readonly interval: number;
}

/**
 * Batches of 1,500 on two connections, so that one decides while the other's statements run. Measured on 2 cores with
 * PostgreSQL on them: 2,000 and 5,000 are no quicker and hold more memory.
 */
export const ENGINE_DEFAULTS: EngineLoopOptions = { batch: 1_500, concurrency: 2, interval: 250 };

export interface EngineReport {
  started(): void;
  stopped(): void;
  /** The loop goes round. */
  beat(): void;
  ticked(result: TickResult, seconds: number): void;
  errored(failed: readonly Failed[]): void;
  failed(error: unknown): void;
}

/** How long the timer index may be scanned from the low-water mark before the scan starts from the beginning again. */
const RESCAN_MS = 2_000;
/** While the database is away: first and longest pause between tries. */
const RETRY_MS = 100;
const RETRY_MAX_MS = 5_000;

export class EngineLoop {
  private running: Promise<void>[] = [];
  private stopping = false;
  private wakes: (() => void)[] = [];
  private poked = false;
  private low = 0;
  private rescanAt = 0;

  constructor(
    private readonly tick: Tick,
    private readonly clock: Clock,
    private readonly options: EngineLoopOptions,
    private readonly report: EngineReport,
  ) {}

  start(): void {
    this.stopping = false;
    this.report.started();
    this.running = Array.from({ length: this.options.concurrency }, () => this.work());
  }

  /** Something may be due: look now. */
  poke(): void {
    this.poked = true;
    this.wakes.shift()?.();
  }

  /** Stops claiming, waits for the ticks under way. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const wake of this.wakes.splice(0)) wake();
    await Promise.all(this.running);
    this.report.stopped();
  }

  private async work(): Promise<void> {
    let pause = RETRY_MS;
    while (!this.stopping) {
      try {
        const full = await this.once();
        pause = RETRY_MS;
        if (!full) await this.rest(this.options.interval);
      } catch (error) {
        this.report.failed(error);
        await this.rest(isDisconnect(error) ? pause : RETRY_MS);
        pause = Math.min(pause * 2, RETRY_MAX_MS);
      }
    }
  }

  private async once(): Promise<boolean> {
    this.poked = false;
    const now = this.clock.now();
    // Below the mark there is nothing but index entries of the past and rows that another tick holds; a tick that died
    // gives its rows back, so the mark is forgotten every now and then, and whenever a batch comes back short.
    const from = now < this.rescanAt ? this.low : 0;
    if (from === 0) this.rescanAt = now + RESCAN_MS;
    const started = performance.now();
    const result = await this.tick.run(now, this.options.batch, from);
    const { advanced, taken, errored, oldest } = result;
    const full = taken >= this.options.batch || advanced >= this.options.batch;
    this.low = taken >= this.options.batch && oldest !== null ? oldest : 0;
    if (!full && from !== 0) this.rescanAt = 0;
    this.report.beat();
    this.report.ticked(result, (performance.now() - started) / 1000);
    if (errored.length > 0) this.report.errored(errored);
    return full || (from !== 0 && taken === 0);
  }

  private rest(ms: number): Promise<void> {
    if (this.stopping || this.poked) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.wakes = this.wakes.filter((wake) => wake !== done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.wakes.push(done);
    });
  }
}
