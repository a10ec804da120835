import { initialTransition, transition } from 'xstate';
import { AppError } from '../kernel/errors.js';
import { compile, machineJson } from './compile.js';
import type { Definition } from './definition.js';
import { toMachine } from './machine.js';
import { definitionOf, journeyOf } from './spec-facts.js';

const hook = (rest: object = {}) => ({
  type: 'webhook',
  request: { method: 'POST', url: 'https://x.example.com/a' },
  next: null,
  ...rest,
});
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as AppError).code;
  }
  return 'none';
};

const steps = {
  hook: hook({ advance: 'result', next: undefined, on: { success: 'split', timeout: 'hook' } }),
  split: { type: 'decision_split', if: { attribute: 'plan', op: 'equals', value: 'pro' }, yes: 'act', no: null },
  act: {
    type: 'action_paths',
    window: 'PT2H',
    paths: [{ name: 'Buys', on: [{ purchase: 'p' }, { purchase: '*' }], next: 'wait' }],
    everyone_else: 'out',
  },
  wait: { type: 'delay', for: 'P1D', next: 'out' },
  out: { type: 'exit' },
};

describe('a compiled journey', () => {
  const journey = journeyOf(steps);
  const step = (id: string) => journey.steps.get(id)!;

  it('leads where the author said', () => {
    expect(journey.start(null)).toBe('hook');
    expect(journey.next(step('hook'), 'success')).toBe(step('split'));
    expect(journey.next(step('hook'), 'timeout')).toBe(step('hook'));
    expect(journey.next(step('split'), 'no')).toBe('completed');
    expect(journey.next(step('act'), 'path_0')).toBe(step('wait'));
    expect(journey.next(step('act'), 'everyone_else')).toBe(step('out'));
    expect(journey.next(step('wait'), 'exit')).toBe('exited');
    expect(codeOf(() => journey.next(step('hook'), 'failure'))).toBe('way_unknown');
    // From memory, the second time.
    expect(journey.next(step('split'), 'no')).toBe('completed');
  });

  it('is an XState machine with a state per step, an event per way out and two final states', () => {
    const json = JSON.parse(JSON.stringify(machineJson(journey))) as {
      states: Record<string, { on?: object; type?: string }>;
    };
    expect(Object.keys(json.states).sort()).toEqual(['act', 'completed', 'exited', 'hook', 'out', 'split', 'wait']);
    expect(Object.keys(json.states['hook']!.on!)).toEqual(['success', 'timeout', 'exit']);
    const machine = toMachine(json as never);
    const [first, actions] = initialTransition(machine);
    expect(first.value).toBe('hook');
    expect(actions).toEqual([expect.objectContaining({ type: 'enter', params: { step: 'hook' } })]);
    const [second] = transition(machine, first, { type: 'success' });
    const [third] = transition(machine, second, { type: 'no' });
    expect([third.value, third.status]).toEqual(['completed', 'done']);
  });

  it('gives way to steps that are called like its final states or like what objects have', () => {
    const odd = journeyOf({
      completed: { type: 'delay', for: 'PT1S', next: 'exited' },
      exited: { type: 'delay', for: 'PT1S', next: 'constructor' },
      constructor: { type: 'decision_split', if: { bucket: [0, 1] }, yes: null, no: 'completed' },
    });
    const at = (id: string) => odd.steps.get(id)!;
    expect(odd.next(at('completed'), 'next')).toBe(at('exited'));
    expect(odd.next(at('exited'), 'next')).toBe(at('constructor'));
    expect(odd.next(at('constructor'), 'yes')).toBe('completed');
    expect(odd.next(at('constructor'), 'no')).toBe(at('completed'));
    expect(odd.next(at('completed'), 'exit')).toBe('exited');
  });

  it('knows what its entries listen to', () => {
    expect(journey.topics('act').map(({ topic, path }) => [topic, path])).toEqual([
      ['purchase:p', 0],
      ['purchase:*', 0],
    ]);
    expect(journey.topics('wait')).toEqual([]);
    const on = [{ event: 'a' }, { attribute_changed: 'plan' }];
    const audience = { attribute: 'plan', op: 'equals', value: 'pro' };
    const listening = (mode: string) =>
      journeyOf(steps, {
        entry: { trigger: { type: 'event', on } },
        exit: { when: [{ event: 'bye' }, { audience }], mode },
      });
    expect(listening('immediate').entryTopics.map(({ topic }) => topic)).toEqual(['event:a', 'attribute:plan']);
    expect(listening('immediate').exitTopics.map(({ topic, criterion }) => [topic, criterion])).toEqual([
      ['event:bye', 0],
      ['audience', 1],
    ]);
    expect(listening('step_end').exitTopics.map(({ topic }) => topic)).toEqual(['event:bye']);
    expect(listening('immediate').waitTopics).toEqual(['event:bye', 'audience', 'purchase:p', 'purchase:*']);
  });

  it('needs what can run in one go, up to the steps it can wait in next', () => {
    expect(journey.needs(null)).toMatchObject({ profile: false, lock: false });
    expect(journey.needs('hook')).toMatchObject({ profile: true, lock: true });
    expect(journey.needs('act')).toMatchObject({ profile: false, lock: false });
    expect(journey.needs('wait')).toMatchObject({ profile: false, lock: false });
    const update = journeyOf({
      d: { type: 'delay', for: 'PT1S', next: 'u' },
      u: { type: 'user_update', set: { a: 1 }, next: 'e' },
      e: { type: 'delay', for: 'PT1S', next: 's' },
      s: { type: 'decision_split', if: { event: 'bought', op: 'at_least', count: 1 }, yes: null, no: null },
    });
    expect(update.needs(null)).toMatchObject({ profile: false, history: [], lock: false });
    expect(update.needs('d')).toMatchObject({ profile: true, history: [], lock: true });
    expect(update.needs('e').history.map(({ name }) => name)).toEqual(['bought']);
  });

  it('needs what its exit criteria on the audience look at, everywhere', () => {
    const exit = { when: [{ audience: { event: 'bought', op: 'at_least', count: 1 } }] };
    const leaving = journeyOf({ d: { type: 'delay', for: 'PT1S', next: 'e' }, e: { type: 'exit' } }, { exit });
    expect(leaving.needs('d').history.map(({ name }) => name)).toEqual(['bought']);
    expect(leaving.needs(null).lock).toBe(true);
  });

  it('knows its longest duration', () => {
    expect(journey.maxDuration).toBe(86_400_000 + 2 * 3_600_000 + 86_400_000);
  });

  it('is not made from what is not valid', () => {
    const base: Definition = definitionOf({
      schema: 1,
      key: 'k',
      name: 'N',
      entry: { trigger: { type: 'api' } },
      start: 'a',
      steps: { a: { type: 'exit' } },
    });
    const flag = { type: 'feature_flag', flag: 'f', next: null } as const;
    expect(codeOf(() => compile({ ...base, steps: { a: flag } }))).toBe('not_built_yet');
    expect(codeOf(() => compile({ ...base, start: 'b' }))).toBe('step_unknown');
    expect(codeOf(() => compile({ ...base, steps: { a: { type: 'delay', for: 'PT1S', next: 'b' } } }))).toBe(
      'step_unknown',
    );
  });
});
