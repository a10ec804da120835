import { z } from 'zod';
import { parseDuration } from '../../kernel/duration.js';
import { NO_NEEDS } from '../../segments/subject.js';
import { LIMITS } from '../limits.js';
import { duration, nonEmpty, stepBase, target } from '../shapes.js';
import { checkTrigger, describeTrigger, topicsOf, triggerSchema, type Topic } from '../trigger.js';
import { checkPaths } from './paths.js';
import type { StepKind } from './step-kind.js';

export const actionPathsSchema = z.strictObject({
  type: z.literal('action_paths'),
  ...stepBase,
  window: duration({ min: 1, minText: 'PT0.001S', max: LIMITS.window, maxText: 'P31D' }).optional(),
  ranked: z.boolean().optional(),
  paths: z
    .array(
      z.strictObject({
        name: nonEmpty(200),
        on: z.array(triggerSchema).min(1),
        next: target.optional(),
        exit: z.boolean().optional(),
      }),
    )
    .min(1),
  everyone_else: target,
});

export type ActionPathsStep = z.infer<typeof actionPathsSchema>;

const DEFAULT_WINDOW = 86_400_000;

/**
 * Waits for the first action that one of the paths names and leaves along it at once; at the end of the window, along
 * Everyone Else. An action that two paths name takes the upper one. The action's properties go on to the next webhook.
 */
export const actionPaths: StepKind<ActionPathsStep> = {
  type: 'action_paths',

  check(step, issues) {
    checkPaths(step.paths, LIMITS.paths - 1, issues);
    if (step.ranked) issues.notBuilt(['ranked'], '"ranked": true');
    step.paths.forEach((path, i) => {
      path.on.forEach((trigger, j) => checkTrigger(trigger, issues.at('paths', i, 'on', j)));
      if (path.next === undefined && !path.exit) issues.error(['paths', i, 'next'], 'required', '"next" is missing');
      if (path.exit && typeof path.next === 'string') {
        issues.error(
          ['paths', i, 'next'],
          'exit_with_next',
          'a path with "exit": true ends the entry; it leads nowhere',
        );
      }
    });
  },

  ways: (step) => [
    ...step.paths.flatMap((path, i) =>
      path.exit ? [] : [{ event: `path_${i}`, label: path.name, next: path.next ?? null }],
    ),
    { event: 'everyone_else', label: 'everyone_else', next: step.everyone_else },
  ],

  longestWait: windowOf,

  compile(step) {
    const window = windowOf(step);
    const topics: Topic[] = step.paths.flatMap((path, i) =>
      path.on.flatMap((trigger) => topicsOf(trigger).map((topic) => ({ topic, trigger, path: i }))),
    );
    const described = step.paths.map((path) => path.on.map(describeTrigger).join(' or '));
    return {
      waits: 'always',
      needs: NO_NEEDS,
      locks: true,
      topics,
      // Measured from now: the window is open for the length the author gave, however late a back-dated event came in.
      enter: (_arrival, facts) => ({ kind: 'wait', until: facts.now + window }),
      signal(state, facts, input) {
        if (input.type === 'timer') {
          if (state.dueAt !== null && state.dueAt > facts.now) return null;
          return { kind: 'go', path: 'everyone_else', why: 'none of the actions within the window' };
        }
        if (input.type !== 'action' || input.visit !== state.visit) return null;
        const path = step.paths[input.path];
        if (!path) return null;
        const why = `"${path.name}": ${input.name === '' ? described[input.path]! : input.name} at ${new Date(input.at).toISOString()}`;
        if (path.exit) return { kind: 'exit', reason: 'action_path', why };
        return { kind: 'go', path: `path_${input.path}`, why, properties: input.properties };
      },
    };
  },
};

function windowOf(step: ActionPathsStep): number {
  return step.window === undefined ? DEFAULT_WINDOW : (parseDuration(step.window) ?? DEFAULT_WINDOW);
}
