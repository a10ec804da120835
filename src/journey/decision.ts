/**
 * The values that the pure core and the engine exchange. A step's behaviour takes facts and returns a `Decision`;
 * `advance` strings decisions together until the entry waits or ends and returns an `Advance`, which the engine
 * persists in one transaction. Nothing here does I/O, reads a clock or draws a random number.
 */
import type { Json, JsonObject } from '../kernel/json.js';
import type { ProfileFacts, Subject } from '../segments/subject.js';

/** Where an entry stands. Times are epoch milliseconds. */
export interface EntryState {
  /** Step it is in; `null` before the first. */
  readonly step: string | null;
  /** How many steps it has arrived at; names one visit of one step within the entry. */
  readonly visit: number;
  readonly arrivedAt: number;
  /** When the step's own timer is due; `null`: it waits for a signal alone. */
  readonly dueAt: number | null;
  /** What the step remembers while it waits. */
  readonly memory: JsonObject | null;
  /** Exit criterion that was met while `exit.mode` is `step_end`: applied when the step ends. */
  readonly exitReason: string | null;
  readonly context: JsonObject;
}

export interface Facts {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly entry: {
    readonly id: string;
    readonly enteredAt: number;
    readonly variant: string | null;
    readonly journeyKey: string;
    readonly journeyName: string;
  };
  /** The profile and its past, with `context` = the entry's context and `properties` = the properties at hand. */
  readonly subject: Subject;
  /** The journey is stopped: whoever ends a step leaves. */
  readonly stopped: boolean;
  /** Applies a `/users/track` attributes object to a profile, as ingest would. */
  readonly merge: (profile: ProfileFacts, attributes: JsonObject, now: number) => ProfileFacts;
}

/** What befell a waiting entry. `visit` pins a signal to the wait it was meant for; a late one is dropped. */
export type Signal =
  | {
      readonly type: 'action';
      readonly visit: number;
      readonly path: number;
      readonly properties: JsonObject;
      readonly at: number;
      readonly name: string;
    }
  | {
      readonly type: 'delivery';
      readonly visit: number;
      readonly deliveryId: string;
      /** `attempted`: the first request was made but is not the end of it. */
      readonly outcome: 'attempted' | 'delivered' | 'failed' | 'aborted' | 'expired' | 'cancelled';
      readonly reason: string | null;
      readonly status: number | null;
      readonly captured: JsonObject;
      /** `only_if` was false: the entry leaves. */
      readonly invalid?: boolean;
    }
  /** `immediate`: leave now, whatever `exit.mode` says (an operator's decision, not a criterion's). */
  | { readonly type: 'exit'; readonly reason: string; readonly why: string | null; readonly immediate?: boolean }
  | { readonly type: 'continue' };

export type AdvanceInput = { readonly type: 'start' } | { readonly type: 'timer' } | Signal;

export type Effect =
  | {
      readonly kind: 'delivery';
      readonly step: string;
      readonly visit: number;
      /** Scheme, name and port the request goes to; `null` when the URL could not be made out (see `problem`). */
      readonly origin: string | null;
      readonly problem: { readonly code: string; readonly message: string } | null;
    }
  /** A `/users/track` attributes object (operators included) to be applied to the profile. */
  | { readonly kind: 'attributes'; readonly step: string; readonly attributes: JsonObject }
  | {
      readonly kind: 'event';
      readonly step: string;
      readonly name: string;
      readonly at: number;
      readonly properties: JsonObject;
    }
  | {
      readonly kind: 'purchase';
      readonly step: string;
      readonly productId: string;
      readonly at: number;
      readonly currency: string;
      readonly price: number;
      readonly quantity: number;
      readonly properties: JsonObject;
    };

/** What a step's behaviour decides. `path` is a way out of the step; `why` goes to the timeline. */
export type Decision =
  | {
      readonly kind: 'go';
      readonly path: string;
      readonly why?: string;
      readonly effects?: readonly Effect[];
      readonly context?: JsonObject;
      readonly properties?: JsonObject;
    }
  | {
      readonly kind: 'wait';
      readonly until: number | null;
      readonly memory?: JsonObject | null;
      readonly why?: string;
      readonly effects?: readonly Effect[];
    }
  | { readonly kind: 'park'; readonly reason: string; readonly why?: string; readonly effects?: readonly Effect[] }
  | { readonly kind: 'exit'; readonly reason: string; readonly why?: string; readonly effects?: readonly Effect[] };

/** One line of an entry's timeline. */
export interface TrailItem {
  readonly step: string;
  readonly type: string;
  readonly what: 'entered' | 'waits' | 'went' | 'exited' | 'completed' | 'parked' | 'ignored';
  readonly path?: string;
  readonly why?: string;
  /** Epoch milliseconds of `waits`. */
  readonly until?: number | null;
}

export interface Advance {
  readonly status: 'active' | 'completed' | 'exited' | 'parked';
  readonly reason: string | null;
  readonly state: EntryState;
  readonly effects: readonly Effect[];
  readonly trail: readonly TrailItem[];
  /** The profile with this advance's attribute changes applied. */
  readonly profile: ProfileFacts;
}

export interface Issue {
  /** JSON Pointer into the document. */
  readonly path: string;
  readonly code: string;
  readonly message: string;
  readonly level: 'error' | 'warning';
  /** Liquid issues: position inside the template and the line at fault. */
  readonly line?: number;
  readonly column?: number;
  readonly excerpt?: string;
}

export type { Json, JsonObject };
