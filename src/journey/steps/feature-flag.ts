import { z } from 'zod';
import { liquidJson, nonEmpty, stepBase, target } from '../shapes.js';
import type { StepKind } from './step-kind.js';

export const featureFlagSchema = z.strictObject({
  type: z.literal('feature_flag'),
  ...stepBase,
  flag: nonEmpty(),
  enabled: z.boolean().optional(),
  properties: z.record(z.string(), liquidJson).optional(),
  next: target,
});

export type FeatureFlagStep = z.infer<typeof featureFlagSchema>;

/** Turns a flag on for users who pass. Running it is not built yet, and it is refused by name. */
export const featureFlag: StepKind<FeatureFlagStep> = {
  type: 'feature_flag',
  check: (_step, issues) => issues.notBuilt(['type'], 'the step type "feature_flag"'),
  ways: (step) => [{ event: 'next', label: 'next', next: step.next }],
  longestWait: () => 0,
  compile: null,
};
