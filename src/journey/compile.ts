/**
 * From a definition to what the engine runs. Compiled once per version and kept; nothing in it changes afterwards but the
 * memo of transitions.
 */
import type { AnyStateMachine } from 'xstate';
import { AppError } from '../kernel/errors.js';
import type { JsonObject } from '../kernel/json.js';
import { evaluate } from '../segments/evaluate.js';
import { filterNeeds, type Filter } from '../segments/filter.js';
import { mergeNeeds, NO_NEEDS, type Needs, type Subject } from '../segments/subject.js';
import type { Definition } from './definition.js';
import { EXIT, finalStates, follow, machineConfig, toMachine, type FinalStates } from './machine.js';
import { kindOf, type Step } from './steps/registry.js';
import type { Behaviour, Way } from './steps/step-kind.js';
import { topicsOf, triggerNeeds, type Topic, type Trigger } from './trigger.js';

export interface CompiledStep {
  readonly id: string;
  readonly type: Step['type'];
  readonly name: string | null;
  readonly step: Step;
  readonly ways: readonly Way[];
  readonly behaviour: Behaviour;
}

/** One exit criterion under one of its topics; a criterion on the audience has the topic `audience` and no trigger. */
export interface ExitTopic {
  readonly topic: string;
  /** Index in `exit.when`. */
  readonly criterion: number;
  readonly trigger: Trigger | null;
  readonly audience: Filter | null;
}

export interface EntryTopic {
  readonly topic: string;
  readonly trigger: Trigger;
}

export type Target = CompiledStep | 'completed' | 'exited';
export type JourneyNeeds = Needs & { readonly lock: boolean };

export interface CompiledJourney {
  readonly definition: Definition;
  readonly machine: AnyStateMachine;
  readonly steps: ReadonlyMap<string, CompiledStep>;
  readonly exitMode: 'immediate' | 'step_end';
  /** What entries listen to all the time. `audience` is among them only when exits are immediate. */
  readonly exitTopics: readonly ExitTopic[];
  /** What lets profiles in; empty unless the entry trigger is of type `event`. */
  readonly entryTopics: readonly EntryTopic[];
  /** Every topic an entry of this version may listen to, each once. */
  readonly waitTopics: readonly string[];
  /** It has a webhook step. */
  readonly sendsWebhooks: boolean;
  /** Milliseconds of the longest way through, delays and windows summed; a step on a loop counts once. */
  readonly maxDuration: number;
  /** What evaluating the entry's audience and triggers looks at. */
  readonly entryNeeds: Needs;
  /** What deciding on a happening looks at: exit criteria, and the triggers its entries listen to, `where` included. */
  readonly exitNeeds: Needs;
  /** Id of the first step. */
  start(variant: string | null): string;
  /** Where a way out leads. `exit` leads to `exited` from every step. */
  next(step: CompiledStep, path: string): Target;
  /**
   * What must be loaded before an entry that stands in `step` (`null`: before the first) is advanced: the needs of every
   * step that can run in one go, up to and including those it can wait in next. `lock`: such a run may change the
   * profile or begin to listen to it, so the profile must be locked first.
   */
  needs(step: string | null): JourneyNeeds;
  /** What an entry that waits in `step` listens to. */
  topics(step: string): readonly Topic[];
  /** The first audience criterion for leaving that holds, as text for the timeline; `null` when none does. */
  leavesBy(subject: Subject, now: number): string | null;
  /** Configuration of the machine as plain JSON. */
  readonly config: JsonObject;
}

/**
 * @param definition a document that `validate` found no errors in.
 * @throws AppError `not_built_yet`, `step_unknown`, `liquid_syntax` for a document that was not validated.
 */
export function compile(definition: Definition): CompiledJourney {
  const timeZone = definition.timezone ?? 'company';
  const steps = new Map<string, CompiledStep>();
  for (const [id, step] of Object.entries(definition.steps)) steps.set(id, compileStep(id, step, timeZone));
  const start = definition.start ?? '';
  requireSteps(definition, steps, start);

  const finals = finalStates((id) => steps.has(id));
  const config = machineConfig({ key: definition.key, name: definition.name, start }, [...steps.values()], finals);
  const machine = toMachine(config);
  const next = memoisedNext(machine, steps, finals);
  const exits = compileExits(definition);
  const needs = memoisedNeeds(steps, start, exits.needs, exits.topics.length > 0);
  const { trigger, audience } = definition.entry;
  const entryTriggers = trigger.type === 'event' ? trigger.on : [];

  return {
    definition,
    machine,
    steps,
    exitMode: definition.exit?.mode ?? 'immediate',
    exitTopics: exits.topics,
    entryTopics: entryTriggers.flatMap((on) => topicsOf(on).map((topic) => ({ topic, trigger: on }))),
    waitTopics: [
      ...new Set([
        ...exits.topics.map(({ topic }) => topic),
        ...[...steps.values()].flatMap(({ behaviour }) => behaviour.topics.map(({ topic }) => topic)),
      ]),
    ],
    sendsWebhooks: [...steps.values()].some(({ type }) => type === 'webhook'),
    maxDuration: longestWay(steps, start),
    entryNeeds: mergeNeeds([
      audience === undefined ? NO_NEEDS : filterNeeds(audience),
      ...entryTriggers.map(triggerNeeds),
    ]),
    exitNeeds: mergeNeeds([
      exits.needs,
      ...exits.topics.map(({ trigger }) => (trigger ? triggerNeeds(trigger) : NO_NEEDS)),
      ...[...steps.values()].flatMap(({ behaviour }) => behaviour.topics.map(({ trigger }) => triggerNeeds(trigger))),
    ]),
    start: () => start,
    next,
    needs,
    topics: (step) => steps.get(step)?.behaviour.topics ?? [],
    leavesBy: exits.leavesBy,
    config,
  };
}

/** The machine as JSON: opens in the Stately visualiser. */
export function machineJson(journey: CompiledJourney): JsonObject {
  return journey.config;
}

function compileStep(id: string, step: Step, timeZone: string): CompiledStep {
  const kind = kindOf(step);
  if (!kind.compile) throw new AppError('not_built_yet', `the step type "${step.type}" is not built yet`, { step: id });
  const name = step.name ?? null;
  const behaviour = kind.compile(step, { id, name, timeZone });
  return { id, type: step.type, name, step, ways: kind.ways(step), behaviour };
}

function requireSteps(definition: Definition, steps: ReadonlyMap<string, CompiledStep>, start: string): void {
  if (definition.variants?.length) throw new AppError('not_built_yet', '"variants" are not built yet');
  const targets = [start, ...[...steps.values()].flatMap(({ ways }) => ways.map(({ next }) => next))];
  for (const id of targets) {
    if (id !== null && !steps.has(id)) throw new AppError('step_unknown', `there is no step "${id}"`, { step: id });
  }
}

function memoisedNext(
  machine: AnyStateMachine,
  steps: ReadonlyMap<string, CompiledStep>,
  finals: FinalStates,
): CompiledJourney['next'] {
  const memo = new Map<CompiledStep, Map<string, Target>>();
  for (const step of steps.values()) memo.set(step, new Map<string, Target>([[EXIT, 'exited']]));
  return (step, path) => {
    const known = memo.get(step)!;
    const found = known.get(path);
    if (found !== undefined) return found;
    const state = follow(machine, step.id, path);
    const target: Target = steps.get(state) ?? (state === finals.exited ? 'exited' : 'completed');
    known.set(path, target);
    return target;
  };
}

interface Exits {
  readonly topics: readonly ExitTopic[];
  readonly needs: Needs;
  readonly leavesBy: CompiledJourney['leavesBy'];
}

function compileExits(definition: Definition): Exits {
  const when = definition.exit?.when ?? [];
  const immediate = (definition.exit?.mode ?? 'immediate') === 'immediate';
  const topics: ExitTopic[] = [];
  const audiences: { readonly criterion: number; readonly filter: Filter }[] = [];
  when.forEach((entry, criterion) => {
    if ('audience' in entry) {
      audiences.push({ criterion, filter: entry.audience });
      if (immediate) topics.push({ topic: 'audience', criterion, trigger: null, audience: entry.audience });
      return;
    }
    for (const topic of topicsOf(entry)) topics.push({ topic, criterion, trigger: entry, audience: null });
  });
  return {
    topics,
    needs: audiences.length === 0 ? NO_NEEDS : mergeNeeds(audiences.map(({ filter }) => filterNeeds(filter))),
    leavesBy(subject, now) {
      for (const { criterion, filter } of audiences) {
        const { holds, why } = evaluate(filter, subject, now);
        if (holds) return `exit criterion ${criterion + 1}: ${why}`;
      }
      return null;
    },
  };
}

function memoisedNeeds(
  steps: ReadonlyMap<string, CompiledStep>,
  start: string,
  exitNeeds: Needs,
  listensAlways: boolean,
): CompiledJourney['needs'] {
  const memo = new Map<string | null, JourneyNeeds>();
  const compute = (from: string | null): JourneyNeeds => {
    const seen = new Set<string>();
    const found: Needs[] = [exitNeeds];
    let lock = from === null && listensAlways;
    const arrive = (id: string): void => {
      const step = steps.get(id);
      if (!step || seen.has(id)) return;
      seen.add(id);
      found.push(step.behaviour.needs);
      lock ||= step.behaviour.locks;
      if (step.behaviour.waits !== 'always') leave(step);
    };
    const leave = (step: CompiledStep): void => {
      for (const { next } of step.ways) if (next !== null) arrive(next);
    };
    const standing = from === null ? undefined : steps.get(from);
    if (standing) {
      found.push(standing.behaviour.needs);
      leave(standing);
    } else arrive(start);
    return { ...mergeNeeds(found), lock };
  };
  return (step) => {
    let needs = memo.get(step);
    if (!needs) {
      needs = compute(step);
      memo.set(step, needs);
    }
    return needs;
  };
}

/** Longest path by depth-first search over a graph whose back edges are left out. */
function longestWay(steps: ReadonlyMap<string, CompiledStep>, start: string): number {
  const done = new Map<string, number>();
  const open = new Set<string>();
  const visit = (id: string): number => {
    const known = done.get(id);
    if (known !== undefined) return known;
    const step = steps.get(id);
    if (!step || open.has(id)) return 0;
    open.add(id);
    let after = 0;
    for (const { next } of step.ways) if (next !== null) after = Math.max(after, visit(next));
    open.delete(id);
    const total = after + kindOf(step.step).longestWait(step.step);
    done.set(id, total);
    return total;
  };
  return visit(start);
}
