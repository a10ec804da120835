/**
 * A webhook step asks for a delivery and waits for word of it: for the first attempt (`advance: "attempt"`, Braze's
 * behaviour) or for the final result (`"result"`). How the delivery is sent is the delivery room's business.
 */
import { parseDuration } from '../../kernel/duration.js';
import { checkFilterAt } from '../trigger.js';
import { NO_NEEDS } from '../../segments/subject.js';
import { storeVariables } from '../context.js';
import type { Decision, Effect, EntryState, Facts, Signal } from '../decision.js';
import type { Issues } from '../issues.js';
import { scopeOf } from '../json-template.js';
import { bodyProblem, headerProblems, originOf, urlProblem } from './request.js';
import type { Arrival, Behaviour, StepKind, Surroundings, Way } from './step-kind.js';
import type { WebhookStep } from './webhook-shape.js';

export { renderRequest, requestNeeds } from './request.js';

const DEFAULT_RESULT_WITHIN = 86_400_000;

export const webhook: StepKind<WebhookStep> = {
  type: 'webhook',
  check,

  ways(step) {
    const ways: Way[] = [];
    const add = (event: string, next: string | null | undefined): void => {
      if (next !== undefined) ways.push({ event, label: event, next });
    };
    add('next', step.next);
    add('success', step.on?.success);
    add('failure', step.on?.failure);
    add('timeout', step.on?.timeout);
    return ways;
  },

  longestWait: (step) => (step.advance === 'result' ? resultWithin(step) : 0),

  compile(step, surroundings) {
    const url = step.request ? originOf(step.request.url) : null;
    return {
      waits: url?.kind === 'dynamic' ? 'maybe' : 'always',
      needs: url?.kind === 'dynamic' ? url.needs : NO_NEEDS,
      locks: false,
      topics: [],
      enter: (arrival, facts) => enter(step, surroundings, url, arrival, facts),
      signal: (state, facts, input) => {
        switch (input.type) {
          case 'delivery':
            return input.visit === state.visit ? onDelivery(step, state, input) : null;
          case 'timer':
            return state.dueAt !== null && state.dueAt <= facts.now ? onTimeout(step) : null;
          case 'continue':
            return state.dueAt === null && state.memory?.['parked'] !== undefined
              ? { kind: 'go', path: successPath(step), why: 'told to continue' }
              : null;
          case 'action':
            return null;
        }
      },
    } satisfies Behaviour;
  },
};

function enter(
  step: WebhookStep,
  surroundings: Surroundings,
  url: ReturnType<typeof originOf> | null,
  arrival: Arrival,
  facts: Facts,
): Decision {
  const resolved =
    url === null
      ? { origin: null, problem: { code: 'request_missing', message: 'the step has no request' } }
      : url.kind === 'static'
        ? { origin: url.origin, problem: null }
        : url.resolve(scopeOf(facts, surroundings));
  const effects: Effect[] = [{ kind: 'delivery', step: surroundings.id, visit: arrival.visit, ...resolved }];
  if (resolved.problem) return { ...impossible(step, resolved.problem), effects };
  // Measured from now, not from a back-dated arrival: the request is only being made now.
  return { kind: 'wait', until: step.advance === 'result' ? facts.now + resultWithin(step) : null, effects };
}

/** The URL could not be made out. Braze's way: the user goes on; a step that needs the result has its failure. */
function impossible(step: WebhookStep, problem: { code: string; message: string }): Decision {
  const why = `no request could be made: ${problem.message}`;
  return step.advance === 'result' ? onFailure(step, problem.code, why) : { kind: 'go', path: 'next', why };
}

function onDelivery(
  step: WebhookStep,
  state: EntryState,
  signal: Extract<Signal, { type: 'delivery' }>,
): Decision | null {
  const why = describe(signal);
  if (signal.invalid) return { kind: 'exit', reason: 'validation_failed', why: signal.reason ?? 'only_if is false' };
  if (step.advance !== 'result') return { kind: 'go', path: 'next', why };
  if (signal.outcome === 'attempted') return null;
  if (signal.outcome !== 'delivered') return onFailure(step, signal.reason ?? signal.outcome, why);
  const captured = Object.entries(signal.captured);
  if (captured.length === 0) return { kind: 'go', path: successPath(step), why };
  const { context, refused } = storeVariables(state.context, captured);
  const note = refused.length === 0 ? why : `${why}; not stored, the context is full: ${refused.join(', ')}`;
  return { kind: 'go', path: successPath(step), why: note, context };
}

function onFailure(step: WebhookStep, reason: string, why: string): Decision {
  if (step.on?.failure !== undefined) return { kind: 'go', path: 'failure', why };
  return { kind: 'park', reason, why };
}

/** No final result in time. Without its own way out it is a failure like any other. */
function onTimeout(step: WebhookStep): Decision {
  const why = `no final result within ${step.result_within ?? 'P1D'}`;
  if (step.on?.timeout !== undefined) return { kind: 'go', path: 'timeout', why };
  return onFailure(step, 'result_timeout', why);
}

function successPath(step: WebhookStep): string {
  return step.on?.success === undefined ? 'next' : 'success';
}

function resultWithin(step: WebhookStep): number {
  return step.result_within === undefined ? DEFAULT_RESULT_WITHIN : (parseDuration(step.result_within) ?? 0);
}

function describe(signal: Extract<Signal, { type: 'delivery' }>): string {
  const status = signal.status === null ? '' : ` with status ${signal.status}`;
  return `delivery ${signal.outcome}${status}${signal.reason ? `: ${signal.reason}` : ''}`;
}

function check(step: WebhookStep, issues: Issues): void {
  if (step.template !== undefined) issues.notBuilt(['template'], 'a webhook from a "template"');
  if (step.with !== undefined) issues.notBuilt(['with'], '"with"');
  if (step.ordered) issues.notBuilt(['ordered'], '"ordered": true');
  if (step.quiet_hours !== undefined) issues.notBuilt(['quiet_hours'], '"quiet_hours" of a step');
  if (step.sign !== undefined) issues.notBuilt(['sign'], '"sign"');
  if (step.request === undefined && step.template === undefined) {
    issues.error([], 'required', '"request" (or "template") is missing');
  }
  if (step.request && step.template !== undefined) {
    issues.error(['template'], 'request_and_template', '"request" and "template" exclude each other');
  }
  if (step.request) checkRequest(step.request, issues.at('request'));
  if (step.only_if !== undefined) checkFilterAt(step.only_if, issues.at('only_if'));
  checkWays(step, issues);
  checkRetry(step, issues);
}

function checkRequest(request: NonNullable<WebhookStep['request']>, issues: Issues): void {
  const url = urlProblem(request.url);
  if (url) issues.error(['url'], 'url_invalid', url);
  if (request.method === 'GET' && request.body !== undefined) {
    issues.error(['body'], 'get_with_body', 'a GET request has no body; use POST, or move the values into the URL');
  }
  for (const { name, code, message } of headerProblems(request.headers ?? {})) {
    issues.error(['headers', name], code, message);
  }
  const body = bodyProblem(request);
  if (body) issues.warn(['body'], 'content_type_mismatch', body);
}

function checkWays(step: WebhookStep, issues: Issues): void {
  if (step.advance !== 'result') {
    const why = 'needs "advance": "result"; with "attempt" the user has gone on before there is a result';
    if (step.next === undefined) issues.error(['next'], 'required', '"next" is missing');
    if (step.on !== undefined) issues.error(['on'], 'needs_result', `"on" ${why}`);
    if (step.capture !== undefined) issues.error(['capture'], 'needs_result', `"capture" ${why}`);
    if (step.result_within !== undefined) issues.error(['result_within'], 'needs_result', `"result_within" ${why}`);
    return;
  }
  if (step.next === undefined && step.on?.success === undefined) {
    issues.error(['next'], 'required', '"next" or "on.success" is missing: where does a delivered webhook lead?');
  }
  if (step.next !== undefined && step.on?.success !== undefined) {
    issues.error(
      ['next'],
      'next_and_success',
      '"next" and "on.success" exclude each other: both say where success leads',
    );
  }
}

function checkRetry(step: WebhookStep, issues: Issues): void {
  const { initial, max } = step.retry ?? {};
  if (initial === undefined || max === undefined) return;
  const [first, longest] = [parseDuration(initial), parseDuration(max)];
  if (first !== null && longest !== null && first > longest) {
    issues.error(
      ['retry', 'initial'],
      'retry_invalid',
      `the first pause of ${initial} is longer than the longest of ${max}`,
    );
  }
}
