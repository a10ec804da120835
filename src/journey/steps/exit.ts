import { z } from 'zod';
import { NO_NEEDS } from '../../segments/subject.js';
import { nonEmpty, stepBase } from '../shapes.js';
import { NEVER_SIGNALLED, type StepKind } from './step-kind.js';

export const exitSchema = z.strictObject({
  type: z.literal('exit'),
  ...stepBase,
  reason: nonEmpty(200).optional(),
});

export type ExitStep = z.infer<typeof exitSchema>;

/** Ends the entry as exited, with the author's reason. */
export const exit: StepKind<ExitStep> = {
  type: 'exit',
  check: () => undefined,
  ways: () => [],
  longestWait: () => 0,
  compile: (step) => {
    const decision = { kind: 'exit', reason: step.reason ?? 'exit_step' } as const;
    return {
      waits: 'never',
      needs: NO_NEEDS,
      locks: false,
      topics: [],
      enter: () => decision,
      signal: NEVER_SIGNALLED,
    };
  },
};
