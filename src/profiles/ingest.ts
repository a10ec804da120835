/**
 * One transaction of ingest: several `/users/track` requests of one workspace, applied in the order they came. The
 * database is asked once per kind of thing, never per item. Tables: identity, profile, event, event_count, and whatever
 * the listener writes.
 *
 * Locks come in one order in every such transaction: addresses, identity rows, profile rows by (lane, id), counts by
 * primary key. Events of profiles that nobody listens to touch no profile row at all.
 */
import type { JsonObject } from '../kernel/json.js';
import { laneOfId } from '../kernel/ids.js';
import type { Transaction } from '../persistence/database.js';
import type { ProfileFacts } from '../segments/subject.js';
import { topicsOfHappening, type Happening, type IngestListener, type ProfileRef } from './happening.js';
import { mergeAttributes } from './merge.js';
import { readProfiles, readSameEmail } from './profiles.reader.js';
import { recordHappenings, saveProfiles } from './profiles.store.js';
import { findSlots, type Slot, type Slots } from './slots.js';
import type { AttributesItem, TrackProblem, TrackRequest, TrackResult } from './track.js';

/** Applies `requests` at `now` (epoch milliseconds). Outcomes in their order. */
export async function ingest(
  tx: Transaction,
  workspace: number,
  requests: readonly TrackRequest[],
  listener: IngestListener,
  now: number,
): Promise<TrackResult[]> {
  const slots = await findSlots(tx, workspace, requests, now);
  const ears = new Ears(await listener.topics(tx, workspace));
  const siblings = await findSiblings(tx, workspace, requests, slots);
  const states = await loadStates(tx, requests, slots, siblings, ears);

  const run = new Run(slots, siblings, states, now);
  const results = requests.map((request) => run.apply(request));

  const changed = [...states.values()].filter(({ before, after, created }) => after !== (created ?? before));
  await saveProfiles(
    tx,
    workspace,
    changed.map(({ after }) => after),
    now,
  );
  const heard = run.happenings.filter((happening) => ears.hear(happening));
  if (heard.length > 0) {
    const concerned = new Set(heard.map(({ profileId }) => profileId));
    const profiles = new Map([...states].filter(([id]) => concerned.has(id)));
    await listener.react(tx, { workspace, now, profiles, happenings: heard, depth: 0 });
  }
  // After the listener: what it asks of a profile's past is the past before these happenings.
  await recordHappenings(tx, workspace, run.happenings, now);
  return results;
}

/** A profile that is changed, or that somebody listens to: locked, or created in this transaction. */
interface State {
  readonly lane: number;
  readonly before: ProfileFacts | null;
  readonly created: ProfileFacts | null;
  after: ProfileFacts;
}

type Siblings = ReadonlyMap<string, readonly ProfileRef[]>;

/** Braze: a subscription change by external id is also applied to other users who share the e-mail address. */
async function findSiblings(
  tx: Transaction,
  workspace: number,
  requests: readonly TrackRequest[],
  slots: Slots,
): Promise<Siblings> {
  const refs = new Map<string, ProfileRef>();
  for (const item of requests.flatMap(({ attributes }) => attributes)) {
    const { ref, created } = slots.of(item);
    if (ref && !created && subscriptionsOf(item.attributes)) refs.set(ref.id, ref);
  }
  return readSameEmail(tx, workspace, [...refs.values()]);
}

/** The part of an attributes object that concerns e-mail subscriptions, or `null`. */
function subscriptionsOf(attributes: JsonObject): JsonObject | null {
  const { email_subscribe, subscription_groups } = attributes;
  if (email_subscribe === undefined && subscription_groups === undefined) return null;
  return {
    ...(email_subscribe === undefined ? {} : { email_subscribe }),
    ...(subscription_groups === undefined ? {} : { subscription_groups }),
  };
}

async function loadStates(
  tx: Transaction,
  requests: readonly TrackRequest[],
  slots: Slots,
  siblings: Siblings,
  ears: Ears,
): Promise<Map<string, State>> {
  const wanted = new Map<string, Slot>();
  const want = (slot: Slot): void => {
    if (slot.ref) wanted.set(slot.ref.id, slot);
  };
  for (const { attributes, events, purchases } of requests) {
    for (const item of attributes) want(slots.of(item));
    for (const item of events) if (ears.hearName('event', item.name)) want(slots.of(item));
    for (const item of purchases) if (ears.hearName('purchase', item.productId)) want(slots.of(item));
  }
  const states = new Map<string, State>();
  const refs = new Map<string, ProfileRef>();
  for (const [id, { ref, created }] of wanted) {
    if (created) states.set(id, { lane: laneOfId(id), before: null, created, after: created });
    else refs.set(id, ref!);
  }
  for (const sibling of [...siblings.values()].flat()) refs.set(sibling.id, sibling);
  for (const [id, facts] of await readProfiles(tx, [...refs.values()], true)) {
    states.set(id, { lane: laneOfId(id), before: facts, created: null, after: facts });
  }
  return states;
}

class Run {
  readonly happenings: Happening[] = [];

  constructor(
    private readonly slots: Slots,
    private readonly siblings: Siblings,
    private readonly states: ReadonlyMap<string, State>,
    private readonly now: number,
  ) {}

  apply({ attributes, events, purchases }: TrackRequest): TrackResult {
    const problems: TrackProblem[] = [];
    for (const item of attributes) {
      for (const problem of this.merge(item)) problems.push({ array: 'attributes', index: item.index, problem });
    }
    for (const item of events) {
      const ref = this.slots.enter(item);
      if (!ref) continue;
      const { name, properties } = item;
      this.happenings.push({
        lane: ref.lane,
        profileId: ref.id,
        kind: 'event',
        name,
        at: this.past(item.at),
        properties,
      });
    }
    for (const item of purchases) {
      const ref = this.slots.enter(item);
      if (!ref) continue;
      const { productId: name, currency, price, quantity, properties } = item;
      const of = { lane: ref.lane, profileId: ref.id, kind: 'purchase', name, at: this.past(item.at) } as const;
      this.happenings.push({ ...of, properties, currency, price, quantity });
    }
    return {
      processed: { attributes: attributes.length, events: events.length, purchases: purchases.length },
      problems,
    };
  }

  private past(at: number): number {
    return Math.min(at, this.now);
  }

  private merge({ attributes, ...item }: AttributesItem): readonly string[] {
    const ref = this.slots.enter(item);
    if (!ref) return [];
    const problems = this.change(ref.id, attributes);
    const subscriptions = subscriptionsOf(attributes);
    if (subscriptions) for (const { id } of this.siblings.get(ref.id) ?? []) this.change(id, subscriptions);
    return problems;
  }

  private change(id: string, attributes: JsonObject): readonly string[] {
    const state = this.states.get(id);
    // Deleted since it was found: there is nobody to update.
    if (!state) return [];
    const { profile, problems, changes } = mergeAttributes(state.after, attributes, this.now);
    state.after = profile;
    if (changes.length > 0) {
      const of = { lane: state.lane, profileId: id, kind: 'attributes', name: '', at: this.now } as const;
      this.happenings.push({ ...of, properties: {}, changed: changes });
    }
    return problems;
  }
}

/** Which happenings somebody listens to. Names repeat, so the answer for a name is kept. */
class Ears {
  private readonly names = new Map<string, boolean>();

  constructor(private readonly topics: ReadonlySet<string>) {}

  hear(happening: Happening): boolean {
    if (this.topics.size === 0) return false;
    if (happening.kind !== 'attributes') return this.hearName(happening.kind, happening.name);
    return topicsOfHappening(happening).some((topic) => this.topics.has(topic));
  }

  hearName(kind: 'event' | 'purchase', name: string): boolean {
    if (this.topics.size === 0) return false;
    const key = `${kind}:${name}`;
    const known = this.names.get(key);
    if (known !== undefined) return known;
    const topics = topicsOfHappening({ lane: 0, profileId: '', kind, name, at: 0, properties: {} });
    const heard = topics.some((topic) => this.topics.has(topic));
    this.names.set(key, heard);
    return heard;
  }
}
