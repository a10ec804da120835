/**
 * What a worker holds of all hosts together, and how much more of each it may take: never so much of one that nothing is
 * left for another.
 */
import type { Send } from './claim.js';
import { HostQueue } from './host-queue.js';

/** Free room is not worth a claim until it is this share of what may be held. */
const ROOM_SHARE = 0.3;
/** No host may take more than this share of the room that is left: there is always some for another. */
const FREE_SHARE = 0.25;
/** Less free room than this share of all is not worth a claim. */
const LEAST_FREE = 0.02;
const FORGET_QUEUE_MS = 60_000;
const HINTED_FOR = 2000;
const HINTED_MOST = 100;

export class Holdings {
  private readonly queues = new Map<number, HostQueue>();
  private readonly idleSince = new Map<number, number>();
  private held = 0;

  constructor(private readonly most: number) {}

  /** Deliveries held: waiting, under way, not recorded yet. */
  get count(): number {
    return this.held;
  }

  /** How many more fit in all; 0 when it is too few to be worth a claim. */
  get free(): number {
    const free = this.most - this.held;
    return free < this.most * LEAST_FREE ? 0 : free;
  }

  add(sends: readonly Send[], now: number): Set<HostQueue> {
    this.held += sends.length;
    const touched = new Set<HostQueue>();
    for (const send of sends) {
      const queue = this.queueOf(send.delivery.host_id, now);
      queue.add(send);
      touched.add(queue);
    }
    return touched;
  }

  /** These are over: recorded, given back, or not ours any more. */
  drop(count: number): void {
    this.held -= count;
  }

  queue(id: number): HostQueue | undefined {
    return this.queues.get(id);
  }

  /** How many deliveries of a host may be claimed now. */
  roomFor(id: number, now: number): number {
    const queue = this.queueOf(id, now);
    return Math.max(0, this.limitFor(queue, now) - queue.outstanding);
  }

  hasRoom(queue: HostQueue, now: number): boolean {
    const limit = this.limitFor(queue, now);
    return limit - queue.outstanding >= Math.max(1, limit * ROOM_SHARE);
  }

  /** Hosts that nothing should be claimed for. Forgets those that nothing was held of for long. */
  fullHosts(now: number): number[] {
    const full: number[] = [];
    for (const queue of this.queues.values()) {
      if (queue.outstanding > 0) {
        if (!this.hasRoom(queue, now)) full.push(queue.id);
      } else if (now - queue.usedAt > FORGET_QUEUE_MS) this.queues.delete(queue.id);
    }
    return full;
  }

  waiting(): Send[] {
    return [...this.queues.values()].flatMap((queue) => queue.list());
  }

  takeAllWaiting(): Send[] {
    return [...this.queues.values()].flatMap((queue) => queue.takeBeyond(0));
  }

  /** Drops deliveries that wait and whose lease is lost. */
  lose(ids: ReadonlySet<string>): void {
    for (const queue of this.queues.values()) {
      const before = queue.waitingCount;
      queue.remove(ids);
      this.held -= before - queue.waitingCount;
    }
  }

  /** Hosts that a look has just found nothing for. */
  rememberIdle(ids: readonly number[], now: number): void {
    for (const id of ids) this.idleSince.set(id, now);
  }

  /** Hosts whose last look found nothing just now: what a notification speaks of may have counted on that look. */
  recentlyIdle(now: number): number[] {
    for (const [id, since] of this.idleSince) if (now - since > HINTED_FOR) this.idleSince.delete(id);
    return [...this.idleSince.keys()].slice(-HINTED_MOST);
  }

  private queueOf(id: number, now: number): HostQueue {
    let queue = this.queues.get(id);
    if (!queue) {
      queue = new HostQueue(id, now);
      this.queues.set(id, queue);
    }
    return queue;
  }

  private limitFor(queue: HostQueue, now: number): number {
    return Math.min(queue.budget(now), Math.max(1, Math.floor((this.most - this.held) * FREE_SHARE)));
  }
}
