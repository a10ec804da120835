/**
 * What this worker holds of one host: leased deliveries that wait for a connection, those under way, and how quickly they
 * come back, from which follows how many more it should take. A host that hangs holds a few; a quick one holds enough to
 * keep its connections busy until the next claim.
 */
import type { Send } from './claim.js';
import { CONNECTIONS_PER_HOST } from './sender.js';

const LEAST = 2 * CONNECTIONS_PER_HOST;
const MOST = 4000;
/** How much work to hold beyond the connections, in seconds at the rate at hand. */
const AHEAD = 0.25;
const MEASURE_MS = 50;

export class HostQueue {
  private waiting: Send[] = [];
  private head = 0;
  /** Requests under way. */
  active = 0;
  /** Requests that are over and not recorded yet. */
  unrecorded = 0;
  /** Nothing special is known of the host (`isCalm`). */
  isCalm = false;
  /** Last time something was here, epoch milliseconds. */
  usedAt: number;
  private rate = 0;
  private finished = 0;
  private measuredAt: number;

  constructor(
    readonly id: number,
    now: number,
  ) {
    this.usedAt = now;
    this.measuredAt = now;
  }

  get outstanding(): number {
    return this.waitingCount + this.active + this.unrecorded;
  }

  get waitingCount(): number {
    return this.waiting.length - this.head;
  }

  add(send: Send): void {
    this.waiting.push(send);
  }

  /** The next to be sent, when a connection is free. */
  next(): Send | undefined {
    if (this.active >= CONNECTIONS_PER_HOST || this.head >= this.waiting.length) return undefined;
    const send = this.waiting[this.head++]!;
    if (this.head > 512 && this.head * 2 > this.waiting.length) {
      this.waiting = this.waiting.slice(this.head);
      this.head = 0;
    }
    return send;
  }

  /** Takes out all but the first `keep` of those that wait. */
  takeBeyond(keep: number): Send[] {
    const from = Math.min(this.waiting.length, this.head + Math.max(0, keep));
    return Number.isFinite(from) ? this.waiting.splice(from) : [];
  }

  remove(ids: ReadonlySet<string>): void {
    this.waiting = this.waiting.slice(this.head).filter(({ delivery }) => !ids.has(delivery.id));
    this.head = 0;
  }

  list(): readonly Send[] {
    return this.waiting.slice(this.head);
  }

  finish(now: number): void {
    this.finished++;
    this.usedAt = now;
  }

  /** How many deliveries this worker should hold of the host at most. */
  budget(now: number): number {
    const elapsed = now - this.measuredAt;
    if (elapsed >= MEASURE_MS) {
      const measured = (this.finished * 1000) / elapsed;
      this.rate = elapsed > 20 * MEASURE_MS ? measured : (this.rate + measured) / 2;
      this.finished = 0;
      this.measuredAt = now;
    }
    return Math.min(MOST, Math.floor(LEAST + this.rate * AHEAD));
  }
}
