/**
 * Keeps leases honest while the loop runs: extends those of deliveries this worker holds, takes back those whose worker is
 * gone, and takes hosts that have been quiet off the timer.
 */
import type { Clock } from '../kernel/clock.js';
import type { Database } from '../persistence/database.js';
import { LEASE_MARGIN, QUIET, type Send } from './claim.js';
import type { Holdings } from './holdings.js';
import { forgetQuietHosts, wakeHosts } from './hosts.sql.js';
import { extendLeases, sweepLeases } from './leases.sql.js';
import { leasesOf } from './release.js';

export interface LeaseKeeperOptions {
  /** Milliseconds between sweeps of expired leases. */
  readonly sweepEvery: number;
  /** Leases per sweep at most. */
  readonly batch: number;
}

export interface LeaseKeeperHooks {
  /** Requests under way. */
  underWay(): Iterable<Send>;
  /** Something has become due. */
  wake(): void;
  failed(what: 'heartbeat' | 'sweep', error: unknown): void;
}

const HEARTBEAT_MS = 10_000;
const FORGET_EVERY = 30_000;

export class LeaseKeeper {
  private timers: NodeJS.Timeout[] = [];
  private running = new Set<Promise<void>>();

  constructor(
    private readonly database: Database,
    private readonly holdings: Holdings,
    private readonly clock: Clock,
    private readonly options: LeaseKeeperOptions,
    private readonly hooks: LeaseKeeperHooks,
  ) {}

  start(): void {
    this.timers = [
      this.every(HEARTBEAT_MS, 'heartbeat', () => this.extend()),
      this.every(this.options.sweepEvery, 'sweep', () => this.sweep()),
      this.every(FORGET_EVERY, 'sweep', () => this.forget()),
    ];
  }

  /** Requests under way go on being protected until `stop`. */
  async stop(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    this.timers = [];
    await Promise.all(this.running);
  }

  /** Extends leases that would not outlive their request, and drops what is not ours any more. */
  private async extend(): Promise<void> {
    const now = this.clock.now();
    const old = [...this.holdings.waiting(), ...this.hooks.underWay()].filter(
      ({ leaseUntil, plan }) => leaseUntil < now + plan.timeout + LEASE_MARGIN - HEARTBEAT_MS,
    );
    if (old.length === 0) return;
    const until = new Map(old.map((send) => [send.delivery.id, now + send.plan.timeout + LEASE_MARGIN]));
    const held = await extendLeases(
      this.database,
      leasesOf(old).map((lease) => ({ ...lease, until: until.get(lease.id)! })),
    );
    const lost = new Set<string>();
    for (const send of old) {
      if (held.has(send.delivery.id)) send.leaseUntil = until.get(send.delivery.id)!;
      else lost.add(send.delivery.id);
    }
    if (lost.size > 0) this.holdings.lose(lost);
  }

  /** Takes back the deliveries of workers that are gone. */
  private async sweep(): Promise<void> {
    const now = this.clock.now();
    const { batch } = this.options;
    for (let swept = batch; swept === batch && this.timers.length > 0;) {
      swept = await this.database.transaction(async (tx) => {
        const hosts = await sweepLeases(tx, now, batch);
        await wakeHosts(tx, hosts, now);
        return hosts.length;
      });
      if (swept > 0) this.hooks.wake();
    }
  }

  private async forget(): Promise<void> {
    const now = this.clock.now();
    if ((await forgetQuietHosts(this.database, now, now + QUIET - 60_000)) > 0) this.hooks.wake();
  }

  private every(ms: number, what: 'heartbeat' | 'sweep', work: () => Promise<void>): NodeJS.Timeout {
    let isBusy = false;
    return setInterval(() => {
      if (isBusy) return;
      isBusy = true;
      const round = work()
        .catch((error: unknown) => this.hooks.failed(what, error))
        .finally(() => {
          isBusy = false;
          this.running.delete(round);
        });
      this.running.add(round);
    }, ms);
  }
}
