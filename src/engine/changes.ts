/**
 * What steps change about profiles: attributes, events and purchases, written as ingest writes them and told to the same
 * listeners, in the transaction of the step. So a user update can let the profile into another journey, or out of one.
 */
import type { Effect } from '../journey/decision.js';
import type { Transaction } from '../persistence/database.js';
import { topicsOfHappening, type Happening, type ReactBatch } from '../profiles/happening.js';
import { mergeAttributes } from '../profiles/merge.js';
import { recordHappenings, saveProfiles } from '../profiles/profiles.store.js';
import type { ProfileFacts } from '../segments/subject.js';
import type { Failed, Moved } from './decide.js';
import type { Reactions } from './reactions.js';

interface Changing {
  readonly lane: number;
  readonly before: ProfileFacts;
  after: ProfileFacts;
}

type Change = Exclude<Effect, { kind: 'delivery' }>;

/** `loaded`: the profiles as they were when the tick locked them. */
export async function applyChanges(
  tx: Transaction,
  reactions: Reactions,
  outcomes: readonly (Moved | Failed)[],
  loaded: ReadonlyMap<string, ProfileFacts>,
  now: number,
): Promise<void> {
  const byWorkspace = new Map<number, { profiles: Map<string, Changing>; happenings: Happening[] }>();
  for (const outcome of outcomes) {
    if (outcome.kind !== 'moved') continue;
    const { row } = outcome.claimed;
    for (const effect of outcome.effects) {
      const before = loaded.get(row.profile_id);
      if (effect.kind === 'delivery' || !before) continue;
      const of = byWorkspace.get(row.workspace) ?? { profiles: new Map<string, Changing>(), happenings: [] };
      byWorkspace.set(row.workspace, of);
      const changing = of.profiles.get(row.profile_id) ?? { lane: row.lane, before, after: before };
      of.profiles.set(row.profile_id, changing);
      const happening = apply(effect, changing, row.profile_id, now);
      if (happening) of.happenings.push(happening);
    }
  }
  for (const [workspace, { profiles, happenings }] of byWorkspace) {
    const changed = [...profiles.values()].filter(({ before, after }) => before !== after).map(({ after }) => after);
    await saveProfiles(tx, workspace, changed, now);
    await react(tx, reactions, { workspace, now, profiles, happenings, depth: 1 });
    await recordHappenings(tx, workspace, happenings, now);
  }
}

function apply(effect: Change, changing: Changing, profileId: string, now: number): Happening | null {
  const base = { lane: changing.lane, profileId, at: now, properties: {} };
  switch (effect.kind) {
    case 'attributes': {
      const { profile, changes } = mergeAttributes(changing.after, effect.attributes, now);
      changing.after = profile;
      return changes.length === 0 ? null : { ...base, kind: 'attributes', name: '', changed: changes };
    }
    case 'event':
      return { ...base, kind: 'event', name: effect.name, at: Math.min(effect.at, now), properties: effect.properties };
    case 'purchase':
      return {
        ...base,
        kind: 'purchase',
        name: effect.productId,
        at: Math.min(effect.at, now),
        properties: effect.properties,
        currency: effect.currency,
        price: effect.price,
        quantity: effect.quantity,
      };
  }
}

async function react(tx: Transaction, reactions: Reactions, batch: ReactBatch): Promise<void> {
  const topics = await reactions.topics(tx, batch.workspace);
  const heard = batch.happenings.filter((happening) => topicsOfHappening(happening).some((topic) => topics.has(topic)));
  if (heard.length > 0) await reactions.react(tx, { ...batch, happenings: heard });
}
