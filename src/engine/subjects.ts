/**
 * Loads what a batch of decisions needs to know, one query per kind of fact, and serves it as `Subject` values.
 * Nothing is loaded that no step asked for.
 */
import type { Catalog } from '../journeys/catalog.js';
import type { JsonObject } from '../kernel/json.js';
import type { Sql } from '../persistence/database.js';
import { readHistory } from '../profiles/history.reader.js';
import { readProfiles } from '../profiles/profiles.reader.js';
import {
  mergeNeeds,
  NO_HISTORY,
  type History,
  type JourneyFact,
  type Needs,
  type ProfileFacts,
  type Subject,
} from '../segments/subject.js';
import { readJourneyFacts, readWebhookTimes } from './facts.reader.js';

export interface Want {
  readonly lane: number;
  readonly profileId: string;
  readonly workspace: number;
  readonly needs: Needs;
  /** The profile may be changed, or starts to wait for its events: lock it first. */
  readonly lock: boolean;
}

export class Subjects {
  constructor(
    private readonly catalog: Catalog,
    private readonly profiles: Map<string, ProfileFacts>,
    private readonly history: ReadonlyMap<string, History>,
    private readonly journeys: ReadonlyMap<string, Record<string, JourneyFact>>,
    private readonly webhooks: ReadonlyMap<string, Record<string, number>>,
  ) {}

  profile(profileId: string): ProfileFacts | undefined {
    return this.profiles.get(profileId);
  }

  /** The profiles as they are known now. */
  loaded(): ReadonlyMap<string, ProfileFacts> {
    return new Map(this.profiles);
  }

  /** Later decisions of the same batch see what an earlier one changed. */
  setProfile(profile: ProfileFacts): void {
    this.profiles.set(profile.id, profile);
  }

  of(workspace: number, profileId: string, context: JsonObject, properties: JsonObject): Subject {
    return {
      profile: this.profiles.get(profileId) ?? unknownProfile(profileId),
      history: this.history.get(profileId) ?? NO_HISTORY,
      journeys: this.journeys.get(profileId) ?? NOTHING,
      webhooks: this.webhooks.get(profileId) ?? NOTHING,
      context,
      properties,
      companyTimeZone: this.catalog.timeZone(workspace),
    };
  }
}

const NOTHING = Object.freeze({});

/** Stands in where no step looks at the profile. */
function unknownProfile(id: string): ProfileFacts {
  return { id, externalId: null, aliases: [], standard: {}, custom: {}, subscriptions: {}, bucket: 0, createdAt: 0 };
}

interface Ref {
  readonly lane: number;
  readonly id: string;
}

function refsOf(wants: readonly Want[]): Ref[] {
  return [...new Map(wants.map((w) => [w.profileId, { lane: w.lane, id: w.profileId }])).values()];
}

/** `known`: profiles that the caller has read (and locked) already. */
export async function loadSubjects(
  sql: Sql,
  catalog: Catalog,
  wants: readonly Want[],
  now: number,
  known: ReadonlyMap<string, ProfileFacts> = new Map(),
): Promise<Subjects> {
  const profiles = new Map(known);
  const missing = wants.filter((want) => !known.has(want.profileId));
  const locked = refsOf(missing.filter((want) => want.lock));
  if (locked.length > 0) for (const [id, facts] of await readProfiles(sql, locked, true)) profiles.set(id, facts);
  const read = refsOf(missing.filter((want) => want.needs.profile && !profiles.has(want.profileId)));
  if (read.length > 0) for (const [id, facts] of await readProfiles(sql, read)) profiles.set(id, facts);

  const needs = mergeNeeds(wants.map((want) => want.needs));
  const withHistory = refsOf(wants.filter((want) => want.needs.history.length > 0));
  const history =
    withHistory.length > 0 ? await readHistory(sql, withHistory, needs.history, now) : new Map<string, History>();
  return new Subjects(
    catalog,
    profiles,
    history,
    await loadJourneyFacts(sql, catalog, wants, needs.journeys),
    await loadWebhookTimes(sql, catalog, wants),
  );
}

async function loadJourneyFacts(
  sql: Sql,
  catalog: Catalog,
  wants: readonly Want[],
  keys: readonly string[],
): Promise<Map<string, Record<string, JourneyFact>>> {
  const facts = new Map<string, Record<string, JourneyFact>>();
  const asking = wants.filter((want) => want.needs.journeys.length > 0);
  if (asking.length === 0) return facts;
  const workspaces = [...new Set(asking.map((want) => want.workspace))];
  const infos = workspaces.flatMap((workspace) => keys.flatMap((key) => catalog.journeyByKey(workspace, key) ?? []));
  const rows = await readJourneyFacts(sql, asking, [...new Set(infos.map((info) => info.id))]);
  for (const [profileId, byJourney] of rows) {
    const of: Record<string, JourneyFact> = {};
    for (const info of infos) {
      const fact = byJourney.get(info.id);
      if (fact) of[info.key] = fact;
    }
    facts.set(profileId, of);
  }
  return facts;
}

async function loadWebhookTimes(
  sql: Sql,
  catalog: Catalog,
  wants: readonly Want[],
): Promise<Map<string, Record<string, number>>> {
  const times = new Map<string, Record<string, number>>();
  const asking = wants.filter((want) => want.needs.webhooks.length > 0);
  if (asking.length === 0) return times;
  for (const [profileId, byJourney] of await readWebhookTimes(sql, asking)) {
    const of: Record<string, number> = { '*': Math.max(...byJourney.values()) };
    for (const [journeyId, at] of byJourney) {
      const key = catalog.journey(journeyId)?.key;
      if (key !== undefined) of[key] = at;
    }
    times.set(profileId, of);
  }
  return times;
}
