import { z } from 'zod';
import { LIMITS } from '../limits.js';
import { duration, nonEmpty, stepBase, target } from '../shapes.js';
import { checkPaths } from './paths.js';
import type { StepKind } from './step-kind.js';

const weight = z.number().min(0).max(100);

export const experimentPathsSchema = z.strictObject({
  type: z.literal('experiment_paths'),
  ...stepBase,
  paths: z.array(z.strictObject({ name: nonEmpty(200), weight, next: target })).min(1),
  control: z.strictObject({ weight, next: target }).optional(),
  sticky: z.boolean().optional(),
  winner: z
    .strictObject({
      after: duration(),
      conversion: z
        .int()
        .min(0)
        .max(LIMITS.conversions - 1),
      if_unclear: z.enum(['best', 'keep']).optional(),
    })
    .optional(),
});

export type ExperimentPathsStep = z.infer<typeof experimentPathsSchema>;

/** A random split by weight. Its shape is checked in full; running it is not built yet, and it is refused by name. */
export const experimentPaths: StepKind<ExperimentPathsStep> = {
  type: 'experiment_paths',

  check(step, issues) {
    issues.notBuilt(['type'], 'the step type "experiment_paths"');
    checkPaths(step.paths, LIMITS.experimentPaths, issues);
    const sum = step.paths.reduce((total, path) => total + path.weight, step.control?.weight ?? 0);
    if (Math.abs(sum - 100) > 1e-9) {
      issues.error(['paths'], 'weights_not_100', `the weights sum to ${sum}, not to 100`);
    }
  },

  ways: (step) => [
    ...step.paths.map((path, i) => ({ event: `path_${i}`, label: path.name, next: path.next })),
    ...(step.control ? [{ event: 'control', label: 'control', next: step.control.next }] : []),
  ],
  longestWait: () => 0,
  compile: null,
};
