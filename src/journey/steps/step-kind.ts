/**
 * What a kind of step is: its shape, its checks beyond shape, its ways out and its behaviour. One file a kind; the
 * registry lists them. A behaviour is compiled once per version and keeps no state: it decides from facts alone.
 */
import type { Needs } from '../../segments/subject.js';
import type { AdvanceInput, Decision, EntryState, Facts } from '../decision.js';
import type { Issues } from '../issues.js';
import type { Topic } from '../trigger.js';

/** A way out of a step. `event` names it to the machine and in the timeline; `label` is what the author calls it. */
export interface Way {
  readonly event: string;
  readonly label: string;
  /** `null`: the journey is completed. */
  readonly next: string | null;
}

/** What of the journey a step may know when it is compiled. */
export interface Surroundings {
  readonly id: string;
  readonly name: string | null;
  /** IANA name or `company`. */
  readonly timeZone: string;
}

export interface Arrival {
  readonly visit: number;
  /** Epoch milliseconds; what timers measured "from arrival" count from. */
  readonly arrivedAt: number;
}

/** Whatever may reach a waiting step, except exits, which `advance` handles for all steps alike. */
export type StepInput = Exclude<AdvanceInput, { type: 'start' } | { type: 'exit' }>;

export interface Behaviour {
  /** `maybe`: depending on facts, an arriving entry waits or goes on at once. */
  readonly waits: 'always' | 'maybe' | 'never';
  /** What `enter` and `signal` look at. */
  readonly needs: Needs;
  /** A run through this step changes the profile or begins to listen to it: the profile must be locked first. */
  readonly locks: boolean;
  /** What a waiting entry listens to. */
  readonly topics: readonly Topic[];
  enter(arrival: Arrival, facts: Facts): Decision;
  /** `null`: the input does not concern the step; it goes on waiting. */
  signal(state: EntryState, facts: Facts, input: StepInput): Decision | null;
}

export interface StepKind<S> {
  readonly type: string;
  /** Adds what is wrong beyond the shape. */
  check(step: S, issues: Issues): void;
  /** Only those that lead somewhere: an optional way the author left out is not in the list. */
  ways(step: S): readonly Way[];
  /** `null` for a kind that is not built yet. */
  readonly compile: ((step: S, surroundings: Surroundings) => Behaviour) | null;
  /** Milliseconds an entry can spend waiting here, as far as the definition says. */
  longestWait(step: S): number;
}

/** A step that never waits hears no signals. */
export const NEVER_SIGNALLED: Behaviour['signal'] = () => null;
