/**
 * A version as an XState machine: a state per step, one event per way out, final states `completed` and `exited`, and an
 * entry action `enter` that names the step. No guards, actors or timers: behaviours decide, timers are rows. So where an
 * event leads depends on (version, state, event) alone, and each pair is asked of XState once.
 */
import { createMachine, transition, type AnyStateMachine } from 'xstate';
import type { JsonObject } from '../kernel/json.js';
import { AppError } from '../kernel/errors.js';
import type { Way } from './steps/step-kind.js';

export interface MachineStep {
  readonly id: string;
  readonly type: string;
  readonly name: string | null;
  readonly ways: readonly Way[];
}

export interface FinalStates {
  readonly completed: string;
  readonly exited: string;
}

/** The event every step answers: the entry leaves early. */
export const EXIT = 'exit';

/** A step may be called `completed`; the final state then takes a name no step can have. */
export function finalStates(isStep: (id: string) => boolean): FinalStates {
  return {
    completed: isStep('completed') ? 'Completed' : 'completed',
    exited: isStep('exited') ? 'Exited' : 'exited',
  };
}

/** The machine's configuration as plain JSON; opens in the Stately visualiser. */
export function machineConfig(
  journey: { readonly key: string; readonly name: string; readonly start: string },
  steps: readonly MachineStep[],
  finals: FinalStates,
): JsonObject {
  const states: Record<string, JsonObject> = {};
  for (const step of steps) {
    const on: Record<string, JsonObject> = {};
    for (const way of step.ways)
      on[way.event] = { target: way.next ?? finals.completed, ...(way.next === step.id ? { reenter: true } : {}) };
    on[EXIT] = { target: finals.exited };
    states[step.id] = {
      entry: [{ type: 'enter', params: { step: step.id } }],
      on,
      meta: { type: step.type, paths: Object.fromEntries(step.ways.map((way) => [way.event, way.label])) },
      ...(step.name === null ? {} : { description: step.name }),
    };
  }
  states[finals.completed] = { type: 'final' };
  states[finals.exited] = { type: 'final' };
  return { id: journey.key, description: journey.name, initial: journey.start, states };
}

export function toMachine(config: JsonObject): AnyStateMachine {
  return createMachine(config as Parameters<typeof createMachine>[0]) as AnyStateMachine;
}

/**
 * The state that `event` leads to from the state `from`.
 * @throws AppError `way_unknown` when the state has no such event: a behaviour named a way out that its step has not.
 */
export function follow(machine: AnyStateMachine, from: string, event: string): string {
  if (!machine.root.states[from]?.events.includes(event)) {
    throw new AppError('way_unknown', `step "${from}" has no way out called "${event}"`, { step: from, path: event });
  }
  const [after] = transition(machine, machine.resolveState({ value: from, context: {} }), { type: event });
  return String(after.value);
}
