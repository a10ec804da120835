import type { Clock } from '../kernel/clock.js';

interface Beat {
  readonly within: number;
  last: number;
}

/** Whether the loops of this process go round: each says how often it means to beat, and beats. */
export class Heartbeats {
  private readonly beats = new Map<string, Beat>();

  constructor(private readonly clock: Clock) {}

  /** A loop starts: it is late when it has not beaten for `within` milliseconds. */
  expect(loop: string, within: number): void {
    this.beats.set(loop, { within, last: this.clock.now() });
  }

  beat(loop: string): void {
    const known = this.beats.get(loop);
    if (known) known.last = this.clock.now();
  }

  /** A loop has ended in good order. */
  forget(loop: string): void {
    this.beats.delete(loop);
  }

  /** Milliseconds since each loop's last beat. */
  ages(): ReadonlyMap<string, number> {
    return new Map([...this.beats].map(([loop, { last }]) => [loop, this.clock.now() - last]));
  }

  late(): readonly string[] {
    return [...this.beats].filter(([, { within, last }]) => this.clock.now() - last > within).map(([loop]) => loop);
  }
}
