import { z } from 'zod';
import { KEY, liquidJson, stepBase, target } from '../shapes.js';
import type { StepKind } from './step-kind.js';

export const sendToJourneySchema = z.strictObject({
  type: z.literal('send_to_journey'),
  ...stepBase,
  journey: z.string().regex(KEY),
  context: z.record(z.string(), liquidJson).optional(),
  next: target,
});

export type SendToJourneyStep = z.infer<typeof sendToJourneySchema>;

/** Lets the user into another journey as well. Running it is not built yet, and it is refused by name. */
export const sendToJourney: StepKind<SendToJourneyStep> = {
  type: 'send_to_journey',
  check: (_step, issues) => issues.notBuilt(['type'], 'the step type "send_to_journey"'),
  ways: (step) => [{ event: 'next', label: 'next', next: step.next }],
  longestWait: () => 0,
  compile: null,
};
