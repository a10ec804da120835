import { z } from 'zod';
import { parseDuration } from '../../kernel/duration.js';
import { LIMITS } from '../limits.js';
import { contextName, duration, stepBase, target } from '../shapes.js';
import type { StepKind } from './step-kind.js';

export const callbackSchema = z.strictObject({
  type: z.literal('callback'),
  ...stepBase,
  window: duration({ min: 1, minText: 'PT0.001S', max: LIMITS.delay, maxText: '730 days (P730D)' }),
  save: contextName.optional(),
  received: target,
  timeout: target,
});

export type CallbackStep = z.infer<typeof callbackSchema>;

/** Waits for an outside system to post to a one-time URL. Running it is not built yet, and it is refused by name. */
export const callback: StepKind<CallbackStep> = {
  type: 'callback',
  check: (_step, issues) => issues.notBuilt(['type'], 'the step type "callback"'),
  ways: (step) => [
    { event: 'received', label: 'received', next: step.received },
    { event: 'timeout', label: 'timeout', next: step.timeout },
  ],
  longestWait: (step) => parseDuration(step.window) ?? 0,
  compile: null,
};
