/** What the delivery room reads from a webhook step, durations in milliseconds. Made once per compiled step. */
import type { CompiledStep } from '../journey/compile.js';
import { requestNeeds } from '../journey/steps/webhook.js';
import type { WebhookStep } from '../journey/steps/webhook-shape.js';
import { parseDuration } from '../kernel/duration.js';
import { filterNeeds } from '../segments/filter.js';
import { mergeNeeds, type Needs } from '../segments/subject.js';
import { retryPolicy, type RetryPolicy } from './retry.js';

export interface Plan {
  readonly step: WebhookStep;
  readonly name: string;
  readonly advance: 'attempt' | 'result';
  readonly retry: RetryPolicy;
  /** The whole request. */
  readonly timeout: number;
  /** Context variable → JSON Pointer into the response. */
  readonly capture: Readonly<Record<string, string>> | null;
  /** What rendering and `only_if` look at. */
  readonly needs: Needs;
}

export const DEFAULT_TIMEOUT = 90_000;

const plans = new WeakMap<WebhookStep, Plan>();

/** `null`: the step is no webhook. */
export function planOf(compiled: CompiledStep): Plan | null {
  const { step } = compiled;
  if (step.type !== 'webhook') return null;
  const known = plans.get(step);
  if (known) return known;
  const plan: Plan = {
    step,
    name: compiled.name ?? compiled.id,
    advance: step.advance ?? 'attempt',
    retry: retryPolicy(step.retry),
    timeout: step.timeout === undefined ? DEFAULT_TIMEOUT : (parseDuration(step.timeout) ?? DEFAULT_TIMEOUT),
    capture: step.advance === 'result' && step.capture ? step.capture : null,
    needs: step.only_if ? mergeNeeds([requestNeeds(step), filterNeeds(step.only_if)]) : requestNeeds(step),
  };
  plans.set(step, plan);
  return plan;
}
