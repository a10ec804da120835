import { z } from 'zod';
import { evaluate } from '../../segments/evaluate.js';
import { filterNeeds, filterSchema } from '../../segments/filter.js';
import { stepBase, target } from '../shapes.js';
import { checkFilterAt } from '../trigger.js';
import { NEVER_SIGNALLED, type StepKind } from './step-kind.js';

export const decisionSplitSchema = z.strictObject({
  type: z.literal('decision_split'),
  ...stepBase,
  if: filterSchema,
  yes: target,
  no: target,
});

export type DecisionSplitStep = z.infer<typeof decisionSplitSchema>;

/** Yes or no on a filter, decided at arrival, once. */
export const decisionSplit: StepKind<DecisionSplitStep> = {
  type: 'decision_split',
  check: (step, issues) => checkFilterAt(step.if, issues.at('if')),
  ways: (step) => [
    { event: 'yes', label: 'yes', next: step.yes },
    { event: 'no', label: 'no', next: step.no },
  ],
  longestWait: () => 0,
  compile: (step) => ({
    waits: 'never',
    needs: filterNeeds(step.if),
    locks: false,
    topics: [],
    enter(_arrival, facts) {
      const { holds, why } = evaluate(step.if, facts.subject, facts.now);
      return { kind: 'go', path: holds ? 'yes' : 'no', why };
    },
    signal: NEVER_SIGNALLED,
  }),
};
