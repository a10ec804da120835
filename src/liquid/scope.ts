import type { Json, JsonObject } from '../kernel/json.js';
import type { ProfileFacts, Subject } from '../segments/subject.js';
import { SCOPE } from './filters/filter.js';
import { PROFILE_ROOT } from './rewrite.js';

/** Everything a template may look at. */
export interface LiquidScope {
  /** Epoch milliseconds: what `'now' | date` means. */
  readonly now: number;
  readonly subject: Subject;
  readonly journey?: {
    readonly key: string;
    readonly name: string;
    readonly id?: string;
    readonly variant?: string | null;
  };
  readonly step?: { readonly id: string; readonly name: string };
  readonly delivery?: { readonly id: string };
  /** A credential's text by its name. Absent outside of deliveries: a template that asks for one then fails. */
  readonly secrets?: (credential: string) => string | undefined;
  /** The one-time URL of a callback step by its id. */
  readonly callbacks?: (step: string) => string | undefined;
}

/** One namespace a template reads, and which name of it; `null`: computed or all of them. */
export interface Use {
  /** `profile` for `${x}`; else as written: `custom_attribute`, `context`, `event_properties`, `credentials`, … */
  readonly namespace: string;
  readonly name: string | null;
}

type Names = ReadonlySet<string | null>;
type Part = (scope: LiquidScope, names: Names) => object;

const fixed = (read: (scope: LiquidScope) => JsonObject): Part => read;

/** Namespaces by their name in a template. Objects of the subject go in as they are: nothing is copied. */
const PARTS: Readonly<Record<string, Part>> = {
  profile: ({ subject }, names) => pick(names, STANDARD_NAMES, (name) => standardAttribute(subject.profile, name)),
  custom_attribute: fixed(({ subject }) => subject.profile.custom),
  context: fixed(({ subject }) => subject.context),
  canvas_entry_properties: fixed(({ subject }) => subject.context),
  api_trigger_properties: fixed(({ subject }) => subject.context),
  event_properties: fixed(({ subject }) => subject.properties),
  subscribed_state: ({ subject }, names) =>
    pick(names, Object.keys(subject.profile.subscriptions), (name) => subscribedState(subject.profile, name)),
  delivery: fixed(({ delivery }) => ({ id: delivery?.id ?? null })),
  canvas: fixed(({ journey }) => ({
    name: journey?.name ?? null,
    api_id: journey?.id ?? journey?.key ?? null,
    variant_name: journey?.variant ?? null,
    variant_api_id: journey?.variant ?? null,
  })),
  // Inside a journey a "campaign" is the step (Braze: campaign.${name} is the step's name).
  campaign: fixed(({ step, delivery }) => ({
    name: step?.name ?? null,
    api_id: step?.id ?? null,
    message_name: step?.name ?? null,
    message_api_id: step?.id ?? null,
    dispatch_id: delivery?.id ?? null,
  })),
  callback: ({ callbacks }, names) => pick(names, [], (step) => callbacks?.(step)),
  credentials: ({ secrets }, names) => credentials(secrets, names),
};

export const NAMESPACES: ReadonlySet<string> = new Set(Object.keys(PARTS));

/** What a template reads, grouped once at parse so that a render builds no more than it needs. */
export type Wants = ReadonlyMap<string, Names>;

export function wantsOf(uses: readonly Use[]): Wants {
  const wants = new Map<string, Set<string | null>>();
  for (const { namespace, name } of uses) {
    const names = wants.get(namespace) ?? new Set();
    names.add(name);
    wants.set(namespace, names);
  }
  return wants;
}

/** The variables of one render. No prototype, own properties only. */
export function environment(scope: LiquidScope, wants: Wants): object {
  const variables = Object.create(null) as Record<string | symbol, unknown>;
  variables[SCOPE] = scope;
  for (const [namespace, names] of wants) {
    const part = Object.hasOwn(PARTS, namespace) ? PARTS[namespace] : undefined;
    if (part) variables[namespace === 'profile' ? PROFILE_ROOT : namespace] = part(scope, names);
  }
  return variables;
}

function pick(names: Names, all: readonly string[], read: (name: string) => Json | undefined): object {
  const values = Object.create(null) as Record<string, Json | undefined>;
  if (names.has(null)) for (const name of all) values[name] = read(name);
  for (const name of names) if (name !== null) values[name] = read(name);
  return values;
}

function credentials(secrets: LiquidScope['secrets'], names: Names): object {
  const values = Object.create(null) as object;
  for (const name of names) {
    if (name === null) continue;
    Object.defineProperty(values, name, {
      enumerable: true,
      get() {
        const secret = secrets?.(name);
        if (secret === undefined) throw new Error(`credential "${name}" is not available here`);
        return secret;
      },
    });
  }
  return values;
}

/** Names of Liquid (Braze) that differ from those of `/users/track`. */
export const STANDARD_ALIASES: Readonly<Record<string, string>> = {
  date_of_birth: 'dob',
  email_address: 'email',
  phone_number: 'phone',
  city: 'home_city',
};

const STANDARD_NAMES = [
  'city', 'country', 'date_of_birth', 'email_address', 'first_name', 'gender', 'language', 'last_name', 'phone_number',
  'time_zone', 'user_id', 'braze_id', 'random_bucket_number',
]; // prettier-ignore

/** A standard attribute by its name in Liquid or in `/users/track`. */
export function standardAttribute(profile: ProfileFacts, name: string): Json | undefined {
  switch (name) {
    case 'user_id':
    case 'external_id':
      return profile.externalId;
    case 'braze_id':
      return profile.id;
    case 'random_bucket_number':
      return profile.bucket;
    default: {
      const key = (Object.hasOwn(STANDARD_ALIASES, name) ? STANDARD_ALIASES[name] : undefined) ?? name;
      if (Object.hasOwn(profile.standard, key)) return profile.standard[key];
      return Object.hasOwn(profile.standard, name) ? profile.standard[name] : undefined;
    }
  }
}

/** Email and push are subscribed until the profile says otherwise; a group only when it says so (Braze). */
export function subscribedState(profile: ProfileFacts, name: string): string {
  const key = name === 'email_global' ? 'email' : name === 'push_global' ? 'push' : name;
  const state = Object.hasOwn(profile.subscriptions, key) ? profile.subscriptions[key] : undefined;
  return state ?? (key === 'email' || key === 'push' ? 'subscribed' : 'unsubscribed');
}
