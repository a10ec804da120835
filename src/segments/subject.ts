import type { JsonObject } from '../kernel/json.js';

/** A profile as filters, Liquid and steps see it: a value, read once, never a row. */
export interface ProfileFacts {
  readonly id: string;
  readonly externalId: string | null;
  readonly aliases: readonly { readonly alias_name: string; readonly alias_label: string }[];
  /** Standard attributes under their `/users/track` names: first_name, email, country, time_zone, dob, … */
  readonly standard: JsonObject;
  readonly custom: JsonObject;
  /** Subscription group key (and `email`, `push`) → `subscribed` | `unsubscribed` | `opted_in`. */
  readonly subscriptions: Readonly<Record<string, string>>;
  /** Random bucket, 0–9999, drawn at creation. */
  readonly bucket: number;
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

export type HappeningKind = 'event' | 'purchase';

export interface EventFact {
  readonly name: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly properties: JsonObject;
}

export interface EventStat {
  readonly count: number;
  /** Epoch milliseconds of the first and the last one. */
  readonly first: number;
  readonly last: number;
}

/** What a filter asks of a profile's past. Loaded by need, a batch at a time, before anything is decided. */
export interface HistoryNeed {
  readonly kind: HappeningKind;
  /** Event name or product id; `*` = any product. */
  readonly name: string;
  /** `null`: totals are enough (`stats`). A number: the single events of the last so many milliseconds (`list`). `Infinity`: all. */
  readonly within: number | null;
}

export interface History {
  stats(kind: HappeningKind, name: string): EventStat | undefined;
  /** Newest first. */
  list(kind: HappeningKind, name: string): readonly EventFact[];
}

/** What is known of a profile's passages through one journey. Times are epoch milliseconds, `null` = never. */
export interface JourneyFact {
  readonly entered: number | null;
  readonly inside: boolean;
  readonly completed: number | null;
  readonly converted: number | null;
  readonly inControl: boolean;
}

/** Everything a filter may look at, for one profile. */
export interface Subject {
  readonly profile: ProfileFacts;
  readonly history: History;
  /** Journey key → what is known; keys nobody asked for may be missing. */
  readonly journeys: Readonly<Record<string, JourneyFact>>;
  /** Journey key (or `*`) → when the last webhook was sent, epoch milliseconds. */
  readonly webhooks: Readonly<Record<string, number>>;
  /** Entry context; `{}` outside of an entry. */
  readonly context: JsonObject;
  /** Properties of the event at hand; `{}` when there is none. */
  readonly properties: JsonObject;
  /** Zone for clock arithmetic when the profile has none: the workspace's. IANA name. */
  readonly companyTimeZone: string;
}

/** What has to be loaded before a filter, a template or a step can be evaluated. */
export interface Needs {
  readonly profile: boolean;
  readonly history: readonly HistoryNeed[];
  readonly journeys: readonly string[];
  readonly webhooks: readonly string[];
}

export const NO_NEEDS: Needs = { profile: false, history: [], journeys: [], webhooks: [] };

export const NO_HISTORY: History = { stats: () => undefined, list: () => [] };

export function mergeNeeds(all: readonly Needs[]): Needs {
  const history = new Map<string, HistoryNeed>();
  for (const need of all.flatMap((n) => n.history)) {
    const key = `${need.kind}\u0000${need.name}\u0000${need.within === null ? 'stats' : 'list'}`;
    const known = history.get(key);
    if (!known || (need.within !== null && known.within !== null && need.within > known.within)) history.set(key, need);
  }
  return {
    profile: all.some((n) => n.profile),
    history: [...history.values()],
    journeys: [...new Set(all.flatMap((n) => n.journeys))],
    webhooks: [...new Set(all.flatMap((n) => n.webhooks))],
  };
}
