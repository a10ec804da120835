/**
 * Group commit: calls that come at about the same time share one run. Each call learns its own outcome, and only after
 * its run is over. When a run fails, its calls are run again one by one, so that one bad call harms no other.
 */
import { AppError } from '../kernel/errors.js';

export interface GroupCommitOptions<T, R> {
  /** Runs calls of one key together: all of them happen or none. One outcome per call, in order. */
  readonly run: (key: number, calls: readonly T[]) => Promise<readonly R[]>;
  readonly weigh: (call: T) => number;
  /** A run is full at this weight; a single call may be heavier. */
  readonly fullWeight: number;
  readonly maxInFlight: number;
  /** How long a second run waits for company while another one is under way. */
  readonly lingerMs: number;
  /** Waiting weight beyond which calls are refused with `ingest_overloaded`. */
  readonly maxWaiting: number;
  /** Whether a failure says nothing about the calls (the database is gone): then they are not tried again. */
  readonly isOutage: (error: unknown) => boolean;
}

interface Pending<T, R> {
  readonly key: number;
  readonly call: T;
  readonly weight: number;
  readonly resolve: (outcome: R) => void;
  readonly reject: (error: unknown) => void;
}

export class GroupCommit<T, R> {
  private waiting: Pending<T, R>[] = [];
  private waitingWeight = 0;
  private inFlight = 0;
  private timer: NodeJS.Timeout | undefined;
  private immediate: NodeJS.Immediate | undefined;
  private readonly open = new Set<Promise<R>>();

  constructor(private readonly options: GroupCommitOptions<T, R>) {}

  /** Takes part in the next run of `key`. */
  add(key: number, call: T): Promise<R> {
    const weight = this.options.weigh(call);
    if (this.waitingWeight > 0 && this.waitingWeight + weight > this.options.maxWaiting) {
      return Promise.reject(new AppError('ingest_overloaded', 'too much is waiting to be stored; try again later'));
    }
    const outcome = new Promise<R>((resolve, reject) => {
      this.waiting.push({ key, call, weight, resolve, reject });
      this.waitingWeight += weight;
      this.schedule();
    });
    this.open.add(outcome);
    const close = (): void => void this.open.delete(outcome);
    outcome.then(close, close);
    return outcome;
  }

  /** Resolves when every call taken in so far has its outcome. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.open);
  }

  /** At once when nobody runs (after this turn, so that calls of one turn go together), else when full or after a while. */
  private schedule(): void {
    if (this.waiting.length === 0 || this.inFlight >= this.options.maxInFlight) return;
    if (this.inFlight === 0 || this.waitingWeight >= this.options.fullWeight) {
      this.immediate ??= setImmediate(() => this.start());
    } else {
      this.timer ??= setTimeout(() => this.start(), this.options.lingerMs);
    }
  }

  private start(): void {
    clearTimeout(this.timer);
    clearImmediate(this.immediate);
    this.timer = this.immediate = undefined;
    if (this.waiting.length === 0 || this.inFlight >= this.options.maxInFlight) return;
    const group = this.takeGroup();
    this.inFlight++;
    void this.runGroup(group).finally(() => {
      this.inFlight--;
      this.schedule();
    });
    this.schedule();
  }

  /** The oldest call and those after it that share its key, up to the full weight. */
  private takeGroup(): Pending<T, R>[] {
    const key = this.waiting[0]!.key;
    const group: Pending<T, R>[] = [];
    const rest: Pending<T, R>[] = [];
    let weight = 0;
    let full = false;
    for (const pending of this.waiting) {
      if (pending.key === key && !full) full = group.length > 0 && weight + pending.weight > this.options.fullWeight;
      if (pending.key !== key || full) {
        rest.push(pending);
        continue;
      }
      group.push(pending);
      weight += pending.weight;
    }
    this.waiting = rest;
    this.waitingWeight -= weight;
    return group;
  }

  private async runGroup(group: readonly Pending<T, R>[]): Promise<void> {
    try {
      const outcomes = await this.options.run(
        group[0]!.key,
        group.map(({ call }) => call),
      );
      group.forEach(({ resolve }, i) => resolve(outcomes[i]!));
    } catch (error) {
      if (group.length === 1 || this.options.isOutage(error)) for (const { reject } of group) reject(error);
      else for (const pending of group) await this.runGroup([pending]);
    }
  }
}
