/**
 * Advances one entry: pure. Takes where the entry stands, what befell it and the facts, and runs from step to step until
 * the entry waits or ends. Writes nothing; the engine persists what comes back in one transaction.
 *
 * At every end of a step, in this order (Braze): a stopped journey lets go of the entry; an exit criterion met earlier
 * (`step_end`) or an audience criterion that holds now takes it out; else it follows the step's way out, and where that
 * leads nowhere the journey is completed.
 */
import { AppError } from '../kernel/errors.js';
import type { JsonObject } from '../kernel/json.js';
import type { ProfileFacts } from '../segments/subject.js';
import type { CompiledJourney, CompiledStep } from './compile.js';
import type { Advance, AdvanceInput, Decision, Effect, EntryState, Facts, TrailItem } from './decision.js';
import { NOTHING, parkedBecause, propertiesAtHand, remember } from './memory.js';
import type { StepInput } from './steps/step-kind.js';

/** A run that passes more steps than this goes round in a loop without a wait. */
const MOST_STEPS_IN_ONE_RUN = 1_000;
const NO_EFFECTS: readonly Effect[] = [];

/**
 * @param state as stored; for `start` its `step` is `null`.
 * @param facts `subject.profile` as it is now; `subject.context` and `.properties` are taken from `state`.
 * @throws AppError `loop_without_wait` when the entry would never come to rest, `step_unknown` when the version has no such step.
 */
export function advance(journey: CompiledJourney, state: EntryState, input: AdvanceInput, facts: Facts): Advance {
  if (input.type === 'start') return new Run(journey, state, facts).start();
  const step = state.step === null ? undefined : journey.steps.get(state.step);
  if (!step) {
    throw new AppError('step_unknown', `the version has no step "${String(state.step)}"`, { step: state.step });
  }
  const run = new Run(journey, state, facts);
  if (input.type === 'exit') return run.exitSignal(step, input);
  return run.input(step, input);
}

/** The working state of one advance; never outlives it. */
class Run {
  private readonly trail: TrailItem[] = [];
  private effects: Effect[] | null = null;
  private facts: Facts;
  private context: JsonObject;
  private properties: JsonObject;
  private exitReason: string | null;
  private visit: number;
  private passed = 0;

  constructor(
    private readonly journey: CompiledJourney,
    private readonly state: EntryState,
    facts: Facts,
  ) {
    this.context = state.context;
    this.properties = propertiesAtHand(state);
    this.exitReason = state.exitReason;
    this.visit = state.visit;
    const { subject } = facts;
    const same =
      subject.context === state.context &&
      (subject.properties === this.properties || !(hasKeys(subject.properties) || hasKeys(this.properties)));
    this.facts = same
      ? facts
      : { ...facts, subject: { ...subject, context: this.context, properties: this.properties } };
  }

  start(): Advance {
    const first = this.journey.steps.get(this.journey.start(this.facts.entry.variant));
    if (!first) throw new AppError('step_unknown', 'the version has no first step');
    // What happened at the time of the event that let the entry in, even if we heard of it later (Braze).
    return this.arrive(first, Math.min(this.facts.entry.enteredAt, this.facts.now));
  }

  input(step: CompiledStep, input: StepInput): Advance {
    const decision = step.behaviour.signal(this.state, this.facts, input);
    if (decision) return this.obey(step, decision, this.state.arrivedAt, this.facts.now);
    return this.unchanged(input, step);
  }

  exitSignal(step: CompiledStep, signal: Extract<AdvanceInput, { type: 'exit' }>): Advance {
    // A parked entry has nothing to wait for: its step ended, only its way on is missing.
    const atOnce =
      this.journey.exitMode === 'immediate' || signal.immediate === true || parkedBecause(this.state) !== null;
    if (atOnce) return this.exit(step, this.state.arrivedAt, signal.reason, signal.why ?? undefined);
    if (this.state.exitReason !== null) return this.unchanged(signal, step);
    const why = `${signal.why ?? signal.reason}; leaves when the step ends`;
    this.trail.push({ step: step.id, type: step.type, what: 'waits', why, until: this.state.dueAt });
    return this.result('active', null, { ...this.state, exitReason: signal.reason });
  }

  /** Runs to wait. `arrivedAt` is when the entry came to the step, `later` when it would come to the ones after. */
  private arrive(first: CompiledStep, arrivedAt: number): Advance {
    let step = first;
    for (;;) {
      if (++this.passed > MOST_STEPS_IN_ONE_RUN) {
        throw new AppError(
          'loop_without_wait',
          `more than ${MOST_STEPS_IN_ONE_RUN} steps in one run, last "${step.id}"`,
          {
            step: step.id,
          },
        );
      }
      this.visit++;
      this.trail.push({ step: step.id, type: step.type, what: 'entered' });
      const decision = step.behaviour.enter({ visit: this.visit, arrivedAt }, this.facts);
      const after = this.settle(step, decision, arrivedAt);
      if ('status' in after) return after;
      step = after;
    }
  }

  private obey(step: CompiledStep, decision: Decision, arrivedAt: number, now: number): Advance {
    const after = this.settle(step, decision, arrivedAt);
    return 'status' in after ? after : this.arrive(after, now);
  }

  /** Carries out one decision: the finished advance, or the step to go on to. */
  private settle(step: CompiledStep, decision: Decision, arrivedAt: number): Advance | CompiledStep {
    if (decision.effects) this.apply(decision.effects);
    switch (decision.kind) {
      case 'wait': {
        this.trail.push(item(step, 'waits', decision.why, undefined, decision.until));
        return this.result('active', null, this.stateIn(step, arrivedAt, decision.until, decision.memory));
      }
      case 'park':
        this.trail.push(item(step, 'parked', decision.why ?? decision.reason));
        return this.result('parked', decision.reason, this.stateIn(step, arrivedAt, null, null, decision.reason));
      case 'exit':
        return this.exit(step, arrivedAt, decision.reason, decision.why);
      case 'go':
        return this.leave(step, decision, arrivedAt);
    }
  }

  private leave(
    step: CompiledStep,
    decision: Extract<Decision, { kind: 'go' }>,
    arrivedAt: number,
  ): Advance | CompiledStep {
    this.carry(step, decision);
    const { why } = decision;
    if (this.facts.stopped) return this.exit(step, arrivedAt, 'journey_stopped', why);
    if (this.exitReason !== null)
      return this.exit(step, arrivedAt, this.exitReason, also(why, 'met while the step lasted'));
    const leavesBy = this.journey.leavesBy(this.facts.subject, this.facts.now);
    if (leavesBy !== null) return this.exit(step, arrivedAt, 'matched_audience', also(why, leavesBy));

    const next = this.journey.next(step, decision.path);
    this.trail.push(item(step, 'went', why, decision.path));
    if (next === 'completed') {
      this.trail.push(item(step, 'completed'));
      return this.result('completed', null, this.stateIn(step, arrivedAt, null, null));
    }
    return next === 'exited' ? this.exit(step, arrivedAt, 'exited', undefined) : next;
  }

  /** What the entry takes along: a changed context, and the action's properties until a webhook has used them. */
  private carry(step: CompiledStep, decision: Extract<Decision, { kind: 'go' }>): void {
    let { properties } = this;
    if (step.type === 'action_paths') properties = decision.properties ?? NOTHING;
    else if (step.type === 'webhook') properties = NOTHING;
    const context = decision.context ?? this.context;
    if (context === this.context && properties === this.properties) return;
    this.context = context;
    this.properties = properties;
    this.facts = { ...this.facts, subject: { ...this.facts.subject, context, properties } };
  }

  private apply(effects: readonly Effect[]): void {
    if (effects.length === 0) return;
    (this.effects ??= []).push(...effects);
    for (const effect of effects) {
      if (effect.kind !== 'attributes') continue;
      const { subject, merge, now } = this.facts;
      const profile: ProfileFacts = merge(subject.profile, effect.attributes, now);
      this.facts = { ...this.facts, subject: { ...subject, profile } };
    }
  }

  private exit(step: CompiledStep, arrivedAt: number, reason: string, why: string | undefined): Advance {
    this.trail.push(item(step, 'exited', why === undefined ? reason : `${reason}: ${why}`));
    return this.result('exited', reason, this.stateIn(step, arrivedAt, null, null));
  }

  /** A late or foreign input: named in the timeline unless it says nothing new. */
  private unchanged(input: AdvanceInput, step: CompiledStep): Advance {
    const parked = parkedBecause(this.state);
    const notable = !(input.type === 'timer' || (input.type === 'delivery' && input.outcome === 'attempted'));
    if (notable) {
      const late = 'visit' in input && input.visit !== this.state.visit;
      const why = late
        ? `${input.type}: meant for visit ${input.visit}, this is visit ${this.state.visit}`
        : input.type;
      this.trail.push(item(step, 'ignored', why));
    }
    return this.result(parked === null ? 'active' : 'parked', parked, this.state);
  }

  private stateIn(
    step: CompiledStep,
    arrivedAt: number,
    dueAt: number | null,
    memory: JsonObject | null | undefined,
    parked: string | null = null,
  ): EntryState {
    return {
      step: step.id,
      visit: this.visit,
      arrivedAt,
      dueAt,
      memory: remember(memory, this.properties, parked),
      exitReason: this.exitReason,
      context: this.context,
    };
  }

  private result(status: Advance['status'], reason: string | null, state: EntryState): Advance {
    return {
      status,
      reason,
      state,
      effects: this.effects ?? NO_EFFECTS,
      trail: this.trail,
      profile: this.facts.subject.profile,
    };
  }
}

function item(
  step: CompiledStep,
  what: TrailItem['what'],
  why?: string,
  path?: string,
  until?: number | null,
): TrailItem {
  const line: { -readonly [K in keyof TrailItem]: TrailItem[K] } = { step: step.id, type: step.type, what };
  if (path !== undefined) line.path = path;
  if (why !== undefined) line.why = why;
  if (until !== undefined) line.until = until;
  return line;
}

function also(why: string | undefined, more: string): string {
  return why === undefined ? more : `${why}; ${more}`;
}

function hasKeys(object: JsonObject): boolean {
  for (const key in object) if (Object.hasOwn(object, key)) return true;
  return false;
}
