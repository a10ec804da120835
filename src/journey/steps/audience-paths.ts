import { z } from 'zod';
import { evaluate } from '../../segments/evaluate.js';
import { filterNeeds, filterSchema } from '../../segments/filter.js';
import { mergeNeeds } from '../../segments/subject.js';
import { LIMITS } from '../limits.js';
import { nonEmpty, stepBase, target } from '../shapes.js';
import { checkFilterAt } from '../trigger.js';
import { checkPaths } from './paths.js';
import { NEVER_SIGNALLED, type StepKind } from './step-kind.js';

export const audiencePathsSchema = z.strictObject({
  type: z.literal('audience_paths'),
  ...stepBase,
  paths: z.array(z.strictObject({ name: nonEmpty(200), if: filterSchema, next: target })).min(1),
  everyone_else: target,
});

export type AudiencePathsStep = z.infer<typeof audiencePathsSchema>;

/** The first path whose filter holds, top down, decided at arrival; Everyone Else when none does. */
export const audiencePaths: StepKind<AudiencePathsStep> = {
  type: 'audience_paths',

  check(step, issues) {
    checkPaths(step.paths, LIMITS.paths - 1, issues);
    step.paths.forEach((path, i) => checkFilterAt(path.if, issues.at('paths', i, 'if')));
  },

  ways: (step) => [
    ...step.paths.map((path, i) => ({ event: `path_${i}`, label: path.name, next: path.next })),
    { event: 'everyone_else', label: 'everyone_else', next: step.everyone_else },
  ],

  longestWait: () => 0,

  compile: (step) => ({
    waits: 'never',
    needs: mergeNeeds(step.paths.map((path) => filterNeeds(path.if))),
    locks: false,
    topics: [],
    enter(_arrival, facts) {
      for (const [i, path] of step.paths.entries()) {
        const { holds, why } = evaluate(path.if, facts.subject, facts.now);
        if (holds) return { kind: 'go', path: `path_${i}`, why: `"${path.name}": ${why}` };
      }
      return { kind: 'go', path: 'everyone_else', why: 'no path matched' };
    },
    signal: NEVER_SIGNALLED,
  }),
};
