/**
 * The delivery loop: claims, sends, records, all the time and all at once.
 *
 * Promise: a delivery is never lost and never held by two workers; one host's trouble costs other hosts nothing. The
 * tables `delivery`, `attempt` and `host` are touched by this room, by the engine (inserts deliveries, cancels those never
 * attempted, wakes hosts) and by nobody else; what entries wait for goes into `signal`.
 *
 * What a `kill -9` does, line by line:
 * - before the claim's commit: nothing happened, the rows were only locked;
 * - after it, before a request: the delivery is `sending` under a lease that nobody extends. It runs out (the step's
 *   time-out and half a minute), a sweep of any worker puts it back, and it goes out with the bytes that were stored;
 * - between request and record: the same, and the request is repeated with the same `webhook-id`, bytes and
 *   `Idempotency-Key`. That is the one repeat the contract allows;
 * - after the record's commit: done; attempt, state, signal and host were written together;
 * - a probe of a half-open circuit that dies with its worker is given up after two minutes and granted again;
 * - a host whose lock dies with its worker is free at once; its `next_due_at` is as it was, so somebody else looks.
 * A worker that hangs and comes back finds its lease taken: its token fits no row, so it can only add the attempt it made.
 * When the database goes away, requests under way finish and wait to be recorded; nothing new is claimed.
 */
import type { Clock } from '../kernel/clock.js';
import type { JourneyCatalog } from '../journeys/catalog.js';
import { isDisconnect, type Database } from '../persistence/database.js';
import { claim, type Claimed, type Send } from './claim.js';
import { Holdings } from './holdings.js';
import type { HostQueue } from './host-queue.js';
import { nextReady } from './hosts.sql.js';
import { LeaseKeeper } from './lease-keeper.js';
import { mayKeep } from './pacing.js';
import type { LoadSubjects } from './prepare.js';
import { isCalm, isPlainSuccess, record, type Done, type PlainSuccess, type Recorded } from './record.js';
import { release } from './release.js';
import { withAddedHeaders } from './request-headers.js';
import { RESPONSE_LOGGED, RESPONSE_READ, type Sender } from './sender.js';
import { Signalled } from './signalled.js';

export interface DeliveryLoopOptions {
  /** Hosts and deliveries per claim at most. */
  readonly hosts: number;
  readonly deliveries: number;
  /** Deliveries this worker holds at most. */
  readonly held: number;
  /** Milliseconds between looks when nothing is heard. */
  readonly interval: number;
  /** Milliseconds between sweeps of expired leases. */
  readonly sweepEvery: number;
  readonly userAgent: string;
}

export const DEFAULT_OPTIONS: Omit<DeliveryLoopOptions, 'userAgent'> = {
  hosts: 200,
  deliveries: 2000,
  held: 8192,
  interval: 500,
  sweepEvery: 5000,
};

export interface DeliveryReport {
  claimed(claimed: Claimed): void;
  recorded(recorded: Recorded): void;
  /** Deliveries given back unsent because their host takes nothing (598). */
  deferred(count: number): void;
  failed(what: 'claim' | 'record' | 'release' | 'heartbeat' | 'sweep', error: unknown): void;
  /** Goes round: the loop is alive. */
  beat(): void;
}

const RECORD_AT_MOST = 1000;
/** A record of a few waits this long for more, unless nothing else is going on. */
const GATHER_MS = 4;
/** How long plain successes may be kept from their host: its row is locked while anybody claims for it. */
const TELL_EVERY = 250;
const RETRY_MS = 100;
const RETRY_MAX_MS = 5_000;
/** Another worker holds the ready hosts. */
const LOCKED_RECHECK = 20;
/** A request must be over this long before its lease is. */
const LEASE_SPARE = 1000;

export class DeliveryLoop {
  private readonly holdings: Holdings;
  private readonly leases: LeaseKeeper;
  private readonly underWay = new Set<Send>();
  private done: Done[] = [];
  /** Successes that their hosts have not been told of. Lost with the process, which no host minds. */
  private untold: PlainSuccess[] = [];
  private toldAt = 0;
  private isStopping = false;
  private isOver = false;
  private hasHeard = false;
  private readonly claimable = new Signalled();
  private readonly recordable = new Signalled();
  private readonly finished = new Signalled();
  private running: Promise<void>[] = [];

  constructor(
    private readonly database: Database,
    private readonly journeys: JourneyCatalog,
    private readonly loadSubjects: LoadSubjects,
    private readonly sender: Sender,
    private readonly clock: Clock,
    private readonly setup: { readonly options: DeliveryLoopOptions; readonly report: DeliveryReport },
  ) {
    const { options, report } = setup;
    this.holdings = new Holdings(options.held);
    this.leases = new LeaseKeeper(
      database,
      this.holdings,
      clock,
      { sweepEvery: options.sweepEvery, batch: options.deliveries },
      { underWay: () => this.underWay, wake: () => this.poke(), failed: (what, error) => report.failed(what, error) },
    );
  }

  start(): void {
    this.isStopping = false;
    this.isOver = false;
    this.running = [this.claiming(), this.recording()];
    this.leases.start();
  }

  /** Something may be due: look now. */
  poke(): void {
    this.hasHeard = true;
    this.claimable.set();
  }

  /**
   * Stops claiming, gives back what was not sent, waits for requests under way up to `patience` ms and records them. What
   * is still under way then is left to its lease.
   */
  async stop(patience = 30_000): Promise<void> {
    this.isStopping = true;
    this.claimable.set();
    await this.running[0];
    await this.giveBack(this.holdings.takeAllWaiting());
    if (this.underWay.size > 0) {
      this.finished.clear();
      await this.finished.wait(patience);
    }
    this.isOver = true;
    this.recordable.set();
    await this.running[1];
    await this.leases.stop();
  }

  /** Deliveries this worker holds. */
  get holding(): number {
    return this.holdings.count;
  }

  private async claiming(): Promise<void> {
    let pause = RETRY_MS;
    while (!this.isStopping) {
      try {
        const wait = await this.claimOnce();
        pause = RETRY_MS;
        if (wait > 0) await this.claimable.wait(wait);
      } catch (error) {
        this.setup.report.failed('claim', error);
        this.claimable.clear();
        await this.claimable.wait(isDisconnect(error) ? pause : RETRY_MS);
        pause = Math.min(pause * 2, RETRY_MAX_MS);
      }
    }
  }

  /** Returns how long to rest, in milliseconds. */
  private async claimOnce(): Promise<number> {
    const { options, report } = this.setup;
    const { holdings } = this;
    report.beat();
    const now = this.clock.now();
    this.claimable.clear();
    const { free } = holdings;
    if (free === 0) return options.interval;
    const hinted = this.hasHeard ? holdings.recentlyIdle(now) : [];
    this.hasHeard = false;
    const full = holdings.fullHosts(now);
    const { claimed, next } = await this.database.transaction(async (tx) => {
      const claimed = await claim(tx, this.journeys, this.loadSubjects, {
        now,
        room: (id) => holdings.roomFor(id, now),
        full,
        hinted,
        hosts: options.hosts,
        deliveries: Math.min(options.deliveries, free),
      });
      // Asked only when there was nothing: under load the next claim follows at once.
      return { claimed, next: claimed.hosts === 0 ? await nextReady(tx, full) : null };
    });
    report.claimed(claimed);
    holdings.rememberIdle(claimed.idle, now);
    for (const queue of holdings.add(claimed.sends, now)) this.pump(queue);
    if (claimed.hosts > 0) return 0;
    if (next === null) return options.interval;
    const wait = next - this.clock.now();
    return Math.min(options.interval, wait > 0 ? Math.ceil(wait) : LOCKED_RECHECK);
  }

  private pump(queue: HostQueue): void {
    if (this.isStopping) return;
    for (let send = queue.next(); send; send = queue.next()) this.begin(queue, send);
  }

  private begin(queue: HostQueue, send: Send): void {
    const { delivery, plan, request } = send;
    const startedAt = this.clock.now();
    // A request may not outlive its lease: another worker would send it again beside us.
    if (send.leaseUntil < startedAt + plan.timeout + LEASE_SPARE) {
      void this.giveBack([send]);
      return;
    }
    queue.active++;
    this.underWay.add(send);
    const started = performance.now();
    void this.sender
      .send({
        pool: String(delivery.host_id),
        url: request.url,
        method: request.method,
        headers: withAddedHeaders(request.headers, {
          deliveryId: delivery.id,
          timestamp: Math.floor(startedAt / 1000),
          depth: 0,
          userAgent: this.setup.options.userAgent,
        }),
        body: request.body,
        timeout: plan.timeout,
        keep: plan.capture ? RESPONSE_READ : RESPONSE_LOGGED,
      })
      .then((result) => {
        queue.active--;
        queue.unrecorded++;
        queue.finish(this.clock.now());
        this.underWay.delete(send);
        this.done.push({ send, result, startedAt, durationMs: performance.now() - started, unit: Math.random() });
        this.recordable.set();
        if (this.underWay.size === 0) this.finished.set();
        this.pump(queue);
      });
  }

  private async recording(): Promise<void> {
    let pause = RETRY_MS;
    let last = 0;
    while (!this.isOver || this.done.length > 0) {
      if (this.done.length === 0) {
        await this.recordable.wait(this.setup.options.interval);
        this.recordable.clear();
        continue;
      }
      const since = performance.now() - last;
      if (this.done.length < RECORD_AT_MOST / 4 && since < GATHER_MS) await pauseFor(GATHER_MS - since);
      const batch = this.done.splice(0, RECORD_AT_MOST);
      try {
        await this.recordBatch(batch);
        pause = RETRY_MS;
      } catch (error) {
        this.setup.report.failed('record', error);
        // The process ends: the leases run out and others repeat these, under the same ids.
        if (this.isOver) return;
        this.done.unshift(...batch);
        await pauseFor(pause);
        pause = Math.min(pause * 2, RETRY_MAX_MS);
      }
      last = performance.now();
    }
  }

  /** Throws when the database is away; a batch that it refuses is recorded in halves, down to the one at fault. */
  private async recordBatch(batch: readonly Done[]): Promise<void> {
    const now = this.clock.now();
    const tell = this.mustTell(batch, now) ? this.untold : null;
    let recorded: Recorded;
    try {
      recorded = await this.database.transaction((tx) => record(tx, batch, this.clock.now(), tell));
    } catch (error) {
      if (isDisconnect(error)) throw error;
      await this.recordParts(batch, error);
      return;
    }
    if (tell) [this.untold, this.toldAt] = [[], now];
    else this.untold.push(...batch.map(({ send, startedAt }) => ({ hostId: send.delivery.host_id, startedAt })));
    this.setup.report.recorded(recorded);
    this.holdings.drop(batch.length);
    const touched = new Set<HostQueue>();
    for (const { send } of batch) {
      const queue = this.holdings.queue(send.delivery.host_id);
      if (!queue) continue;
      queue.unrecorded--;
      touched.add(queue);
    }
    this.obey(recorded);
    for (const queue of touched) if (this.holdings.hasRoom(queue, now)) this.claimable.set();
  }

  private async recordParts(batch: readonly Done[], error: unknown): Promise<void> {
    const [first] = batch;
    if (batch.length > 1) {
      const middle = Math.floor(batch.length / 2);
      await this.recordBatch(batch.slice(0, middle));
      await this.recordBatch(batch.slice(middle));
      return;
    }
    this.setup.report.failed('record', error);
    if (!first || isBare(first)) throw error;
    await this.recordBatch([bare(first)]);
  }

  private mustTell(batch: readonly Done[], now: number): boolean {
    if (now - this.toldAt > TELL_EVERY) return true;
    return batch.some((done) => !isPlainSuccess(done) || !this.holdings.queue(done.send.delivery.host_id)?.isCalm);
  }

  /** A host that has been paused, opened or limited meanwhile: what waits here in ignorance goes back to its queue. */
  private obey({ hosts }: Recorded): void {
    const now = this.clock.now();
    const back: Send[] = [];
    for (const [id, { state, host }] of hosts) {
      const queue = this.holdings.queue(id);
      if (!queue) continue;
      queue.isCalm = isCalm(state, host.settings);
      const keep = host.paused ? 0 : mayKeep(state, host.settings, now);
      if (queue.waitingCount > keep) back.push(...queue.takeBeyond(keep));
    }
    if (back.length === 0) return;
    this.setup.report.deferred(back.length);
    void this.giveBack(back);
  }

  private async giveBack(sends: readonly Send[]): Promise<void> {
    if (sends.length === 0) return;
    try {
      await this.database.transaction((tx) => release(tx, sends, this.clock.now()));
    } catch (error) {
      // Their leases run out, and the sweep does the same.
      this.setup.report.failed('release', error);
    }
    this.holdings.drop(sends.length);
    this.claimable.set();
  }
}

/** An attempt without what the host answered beyond its status: what is left when the database refuses the rest. */
function bare(done: Done): Done {
  const { answer } = done.result;
  const status = answer.kind === 'response' ? { ...answer, headers: {} } : answer;
  return { ...done, result: { answer: status, body: new Uint8Array(), truncated: false } };
}

function isBare({ result }: Done): boolean {
  return (
    result.body.byteLength === 0 &&
    (result.answer.kind !== 'response' || Object.keys(result.answer.headers).length === 0)
  );
}

function pauseFor(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
