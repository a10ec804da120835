import { PerStep } from './per-step.js';

describe('PerStep', () => {
  const step = (journey_id: string, version: number, step: string) => ({ journey_id, version, step });

  it('keeps one value per journey, version and step', () => {
    const kept = new PerStep<number | null>();
    const steps = [step('a', 1, 'x'), step('a', 1, 'y'), step('a', 2, 'x'), step('b', 1, 'x')];
    expect(kept.get(steps[0]!)).toBeUndefined();
    steps.forEach((one, n) => kept.set(one, n === 3 ? null : n));
    expect([...steps, ...steps].map((one) => kept.get({ ...one }))).toEqual([0, 1, 2, null, 0, 1, 2, null]);
    expect(kept.get(step('a', 3, 'x'))).toBeUndefined();
    const seen: unknown[] = [];
    kept.forEach(({ journey_id, version, step }, value) => seen.push([journey_id, version, step, value]));
    expect(seen).toEqual([
      ['a', 1, 'x', 0],
      ['a', 1, 'y', 1],
      ['a', 2, 'x', 2],
      ['b', 1, 'x', null],
    ]);
  });
});
