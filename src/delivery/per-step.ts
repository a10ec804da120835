/**
 * One value for each step of each version, asked for delivery after delivery. Neighbours in a batch are most often of the
 * same step, and then no key is built.
 */
import type { DueDelivery } from './claim.sql.js';

type StepRef = Pick<DueDelivery, 'journey_id' | 'version' | 'step'>;

interface Kept<T> {
  readonly of: StepRef;
  readonly value: T;
}

export class PerStep<T> {
  private readonly kept = new Map<string, Kept<T>>();
  private last: Kept<T> | undefined;

  get(step: StepRef): T | undefined {
    if (!this.last || !isSame(this.last.of, step)) {
      const found = this.kept.get(keyOf(step));
      if (!found) return undefined;
      this.last = found;
    }
    return this.last.value;
  }

  set(step: StepRef, value: T): void {
    this.last = { of: step, value };
    this.kept.set(keyOf(step), this.last);
  }

  forEach(use: (step: StepRef, value: T) => void): void {
    for (const { of, value } of this.kept.values()) use(of, value);
  }
}

function isSame(a: StepRef, b: StepRef): boolean {
  return a.step === b.step && a.version === b.version && a.journey_id === b.journey_id;
}

function keyOf({ journey_id, version, step }: StepRef): string {
  return `${journey_id} ${version} ${step}`;
}
