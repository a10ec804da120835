/**
 * What a profile becomes when a `/users/track` attributes object is applied to it (Braze, "user attributes object").
 * Pure. One attribute that is invalid is skipped and named; the others are applied.
 */
import { isJsonObject, jsonEquals, type Json, type JsonObject } from '../kernel/json.js';
import type { ProfileFacts } from '../segments/subject.js';
import { customAttribute, nameProblem } from './custom-attributes.js';
import type { Change } from './happening.js';
import { isStandardAttribute, standardAttribute } from './standard-attributes.js';

export interface Merge {
  /** The same object when nothing changed. */
  readonly profile: ProfileFacts;
  /** One line for each attribute that was skipped, its name first: `'dob' must be …`. */
  readonly problems: string[];
  /** Names of what changed: `plan`, `$email`, `subscription:GROUP`. */
  readonly changed: readonly string[];
  readonly changes: readonly Change[];
}

/** Braze: "default 25 elements". */
export const ARRAY_LIMIT = 25;
const MAX_GROUP_KEY = 255;
const SUBSCRIPTIONS: Readonly<Record<string, string>> = { email_subscribe: 'email', push_subscribe: 'push' };
const GLOBAL_STATES = new Set(['opted_in', 'subscribed', 'unsubscribed']);
const GROUP_STATES = new Set(['subscribed', 'unsubscribed']);

/** Keys of an attributes object that say whom it is about and how it is meant, and are no attributes. */
const RESERVED = new Set([
  'external_id',
  'braze_id',
  'user_alias',
  'app_id',
  'push_token_import',
  '_update_existing_only',
  '_merge_objects',
]);

/** Applies `attributes` (operators included; identifier keys are passed over) as of `now`, epoch milliseconds. */
export function mergeAttributes(
  profile: ProfileFacts,
  attributes: JsonObject,
  now: number,
  arrayLimit: number = ARRAY_LIMIT,
): Merge {
  const draft = new Draft(profile);
  const options = { arrayLimit, mergeObjects: attributes['_merge_objects'] === true };
  for (const name of Object.keys(attributes)) {
    const value = attributes[name]!;
    if (RESERVED.has(name)) continue;
    if (Object.hasOwn(SUBSCRIPTIONS, name)) draft.subscribe(name, SUBSCRIPTIONS[name]!, value, GLOBAL_STATES);
    else if (name === 'subscription_groups') subscribeAll(draft, value);
    else if (isStandardAttribute(name)) {
      draft.take('standard', name, standardAttribute(name, value, draft.current('standard', name), now));
    } else {
      const problem = nameProblem(name);
      draft.take(
        'custom',
        name,
        problem === null ? customAttribute(value, draft.current('custom', name), options) : { problem },
      );
    }
  }
  return draft.finish();
}

function subscribeAll(draft: Draft, groups: Json): void {
  if (!Array.isArray(groups)) {
    draft.problems.push("'subscription_groups' must be an array");
    return;
  }
  for (const [index, group] of (groups as readonly Json[]).entries()) {
    const place = `subscription_groups[${index}]`;
    const key = isJsonObject(group) ? group['subscription_group_id'] : undefined;
    const known = typeof key === 'string' && key !== '' && key !== '__proto__' && key.length <= MAX_GROUP_KEY;
    if (!known || !isJsonObject(group)) draft.problems.push(`'${place}' must have a 'subscription_group_id'`);
    else draft.subscribe(`${place}.subscription_state`, key, group['subscription_state'] ?? null, GROUP_STATES);
  }
}

type Outcome = { readonly value?: Json | undefined; readonly problem?: string };

/** A profile that is being changed: parts are copied at their first change. */
class Draft {
  readonly problems: string[] = [];
  private readonly changes = new Map<string, Change>();
  private standard: Record<string, Json> | undefined;
  private custom: Record<string, Json> | undefined;
  private subscriptions: Record<string, string> | undefined;

  constructor(private readonly profile: ProfileFacts) {}

  current(part: 'standard' | 'custom', name: string): Json | undefined {
    const values = this[part] ?? this.profile[part];
    return Object.hasOwn(values, name) ? values[name] : undefined;
  }

  take(part: 'standard' | 'custom', name: string, outcome: Outcome): void {
    if (outcome.problem !== undefined) this.problems.push(`'${name}' ${outcome.problem}`);
    const current = this.current(part, name);
    if (!('value' in outcome) || jsonEquals(current, outcome.value)) return;
    this.record('attribute', part === 'custom' ? name : `$${name}`, current, outcome.value);
    const values = (this[part] ??= { ...this.profile[part] });
    if (outcome.value === undefined) delete values[name];
    else values[name] = outcome.value;
  }

  subscribe(place: string, key: string, state: Json, allowed: ReadonlySet<string>): void {
    if (typeof state !== 'string' || !allowed.has(state)) {
      this.problems.push(`'${place}' must be one of ${[...allowed].join(', ')}`);
      return;
    }
    const states = this.subscriptions ?? this.profile.subscriptions;
    const current = Object.hasOwn(states, key) ? states[key] : undefined;
    if (current === state) return;
    this.record('subscription', key, current, state);
    (this.subscriptions ??= { ...this.profile.subscriptions })[key] = state;
  }

  /** A group that is named twice has one change: from what it was at first to what it is in the end. */
  private record(kind: Change['kind'], name: string, from: Json | undefined, to: Json | undefined): void {
    const key = `${kind} ${name}`;
    const known = this.changes.get(key);
    this.changes.set(key, { kind, name, from: known ? known.from : from, to });
  }

  finish(): Merge {
    const { profile, problems } = this;
    const changes = [...this.changes.values()].filter((change) => !jsonEquals(change.from, change.to));
    if (changes.length === 0) return { profile, problems, changed: [], changes };
    const after: ProfileFacts = {
      ...profile,
      standard: this.standard ?? profile.standard,
      custom: this.custom ?? profile.custom,
      subscriptions: this.subscriptions ?? profile.subscriptions,
    };
    const changed = changes.map(({ kind, name }) => (kind === 'attribute' ? name : `subscription:${name}`));
    return { profile: after, problems, changed, changes };
  }
}
