import { z } from 'zod';
import { actionPaths, actionPathsSchema } from './action-paths.js';
import { audiencePaths, audiencePathsSchema } from './audience-paths.js';
import { callback, callbackSchema } from './callback.js';
import { context, contextSchema } from './context.js';
import { decisionSplit, decisionSplitSchema } from './decision-split.js';
import { delay, delaySchema } from './delay.js';
import { exit, exitSchema } from './exit.js';
import { experimentPaths, experimentPathsSchema } from './experiment-paths.js';
import { featureFlag, featureFlagSchema } from './feature-flag.js';
import { sendToJourney, sendToJourneySchema } from './send-to-journey.js';
import type { StepKind } from './step-kind.js';
import { userUpdate, userUpdateSchema } from './user-update.js';
import { webhookSchema } from './webhook-shape.js';
import { webhook } from './webhook.js';

export const stepSchema = z
  .discriminatedUnion('type', [
    webhookSchema,
    delaySchema,
    decisionSplitSchema,
    audiencePathsSchema,
    actionPathsSchema,
    experimentPathsSchema,
    userUpdateSchema,
    contextSchema,
    sendToJourneySchema,
    featureFlagSchema,
    callbackSchema,
    exitSchema,
  ])
  .meta({ id: 'Step' });

export type Step = z.infer<typeof stepSchema>;

/** Every kind of step there is, by its `type`. */
const KINDS: { readonly [T in Step['type']]: StepKind<Extract<Step, { type: T }>> } = {
  webhook,
  delay,
  decision_split: decisionSplit,
  audience_paths: audiencePaths,
  action_paths: actionPaths,
  experiment_paths: experimentPaths,
  user_update: userUpdate,
  context,
  send_to_journey: sendToJourney,
  feature_flag: featureFlag,
  callback,
  exit,
};

/** The kind of a step. The step that is passed to its functions must be of that kind, which its `type` guarantees. */
export function kindOf(step: Step): StepKind<Step> {
  return KINDS[step.type] as StepKind<Step>;
}
