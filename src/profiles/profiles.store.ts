/**
 * Writes profiles and what happens to them. Every function is one statement per table, takes a transaction, and touches
 * rows in the order of their primary key, so that two transactions that write the same rows cannot deadlock.
 */
import { laneOfId, newId } from '../kernel/ids.js';
import { plainArray, textArray } from '../persistence/arrays.js';
import { statement, type Transaction } from '../persistence/database.js';
import type { ProfileFacts } from '../segments/subject.js';
import { dayOf } from './dates.js';
import type { Happening, ProfileRef } from './happening.js';
import { identityKey, identityRow, laneOfIdentity, type Identity } from './identity.js';
import { jsonText, plainText } from './json-text.js';
import { hasRow, resolveIdentities, rowColumns } from './profiles.reader.js';

const SAVE = statement(
  'profiles.save',
  `update profile p
   set standard = v.standard, custom = v.custom, subscriptions = v.subscriptions, updated_at = to_timestamp($2::float8 / 1000)
   from unnest($3::smallint[], $4::uuid[], $5::jsonb[], $6::jsonb[], $7::jsonb[]) as v (lane, id, standard, custom, subscriptions)
   where p.lane = v.lane and p.id = v.id and p.workspace = $1`,
);

/** Stores attributes and subscriptions of profiles that were read with a lock. Identities are not touched. */
export async function saveProfiles(
  tx: Transaction,
  workspace: number,
  profiles: readonly ProfileFacts[],
  now: number,
): Promise<void> {
  if (profiles.length === 0) return;
  await tx.query(SAVE, [
    workspace,
    now,
    plainArray(profiles.map(({ id }) => laneOfId(id))),
    plainArray(profiles.map(({ id }) => id)),
    textArray(profiles.map(({ standard }) => jsonText(standard))),
    textArray(profiles.map(({ custom }) => jsonText(custom))),
    textArray(profiles.map(({ subscriptions }) => jsonText(subscriptions))),
  ]);
}

const INSERT_IDENTITIES = statement(
  'profiles.insert_identities',
  `insert into identity (lane, workspace, kind, value, profile_lane, profile_id)
   select v.lane, $1, v.kind, v.value, v.profile_lane, v.profile_id
   from unnest($2::smallint[], $3::text[], $4::text[], $5::smallint[], $6::uuid[]) as v (lane, kind, value, profile_lane, profile_id)
   on conflict do nothing
   returning profile_id as id`,
);

const INSERT_PROFILES = statement(
  'profiles.insert',
  `insert into profile (lane, id, workspace, external_id, aliases, standard, bucket, created_at, updated_at)
   select v.lane, v.id, $1, v.external_id, v.aliases, v.standard, v.bucket, t.now, t.now
   from unnest($3::smallint[], $4::uuid[], $5::text[], $6::jsonb[], $7::jsonb[], $8::smallint[]) as v (lane, id, external_id, aliases, standard, bucket),
     (select to_timestamp($2::float8 / 1000) as now) t`,
);

/** Whoever wants to create a profile by an address takes the address's lock first: addresses have no unique key. */
const LOCK_ADDRESSES = statement(
  'profiles.lock_addresses',
  `select pg_advisory_xact_lock(k.key) from (select distinct hashtextextended($1::text || ' ' || v, 0) as key from unnest($2::text[]) as v order by 1) k`,
);

export interface NewProfile {
  readonly ref: ProfileRef;
  /** The profile as created here; `null`: another transaction was first, and this is its profile. */
  readonly created: ProfileFacts | null;
}

/**
 * Creates a profile for each identity that has none yet (`braze_id` never gets one), by `identityKey`. Of two
 * transactions that create the same one, the second waits for the first and adopts its profile.
 */
export async function createProfiles(
  tx: Transaction,
  workspace: number,
  identities: readonly Identity[],
  now: number,
): Promise<Map<string, NewProfile>> {
  const wanted = new Map(identities.filter(({ kind }) => kind !== 'braze_id').map((i) => [identityKey(i), i]));
  const result = new Map<string, NewProfile>();
  if (wanted.size === 0) return result;

  const adopt = async (those: readonly Identity[]): Promise<void> => {
    if (those.length === 0) return;
    for (const [key, ref] of await resolveIdentities(tx, workspace, those)) result.set(key, { ref, created: null });
  };

  const addresses = [...wanted.values()].filter((identity) => !hasRow(identity));
  if (addresses.length > 0) await tx.query(LOCK_ADDRESSES, [workspace, textArray(addresses.map(identityKey))]);
  await adopt(addresses);

  const drafts = new Map<string, ProfileFacts>();
  for (const [key, identity] of wanted) if (!result.has(key)) drafts.set(key, draftOf(identity, now));
  const claims = [...drafts]
    .flatMap(([key, draft]) => claimOf(wanted.get(key)!, key, draft))
    .sort((a, b) => a.row.lane - b.row.lane || compare(a.row.kind, b.row.kind) || compare(a.row.value, b.row.value));
  if (claims.length > 0) {
    const rows = await tx.query<{ id: string }>(INSERT_IDENTITIES, [
      workspace,
      ...rowColumns(claims.map(({ row }) => row)),
      plainArray(claims.map(({ id }) => laneOfId(id))),
      plainArray(claims.map(({ id }) => id)),
    ]);
    const won = new Set(rows.map(({ id }) => id));
    const lost = claims.filter(({ id }) => !won.has(id));
    for (const { key } of lost) drafts.delete(key);
    await adopt(lost.map(({ key }) => wanted.get(key)!));
  }

  for (const [key, draft] of drafts)
    result.set(key, { ref: { lane: laneOfId(draft.id), id: draft.id }, created: draft });
  await insertProfiles(tx, workspace, [...drafts.values()], now);
  return result;
}

function draftOf(identity: Identity, now: number): ProfileFacts {
  return {
    id: newId(laneOfIdentity(identity), now),
    externalId: identity.kind === 'external_id' ? identity.value : null,
    aliases: identity.kind === 'alias' ? [{ alias_name: identity.name, alias_label: identity.label }] : [],
    standard: identity.kind === 'email' || identity.kind === 'phone' ? { [identity.kind]: identity.value } : {},
    custom: {},
    subscriptions: {},
    bucket: Math.floor(Math.random() * 10_000),
    createdAt: now,
  };
}

function claimOf(
  identity: Identity,
  key: string,
  draft: ProfileFacts,
): { key: string; id: string; row: ReturnType<typeof identityRow> }[] {
  return hasRow(identity) ? [{ key, id: draft.id, row: identityRow(identity) }] : [];
}

async function insertProfiles(
  tx: Transaction,
  workspace: number,
  profiles: readonly ProfileFacts[],
  now: number,
): Promise<void> {
  if (profiles.length === 0) return;
  await tx.query(INSERT_PROFILES, [
    workspace,
    now,
    plainArray(profiles.map(({ id }) => laneOfId(id))),
    plainArray(profiles.map(({ id }) => id)),
    textArray(profiles.map(({ externalId }) => externalId)),
    textArray(profiles.map(({ aliases }) => jsonText(aliases))),
    textArray(profiles.map(({ standard }) => jsonText(standard))),
    plainArray(profiles.map(({ bucket }) => bucket)),
  ]);
}

const INSERT_EVENTS = statement(
  'profiles.insert_events',
  `insert into event (lane, profile_id, workspace, kind, name, at, received_at, properties, currency, price, quantity)
   select v.lane, v.profile_id, $1, v.kind, v.name, to_timestamp(v.at / 1000), to_timestamp($2::float8 / 1000), v.properties, v.currency, v.price, v.quantity
   from unnest($3::smallint[], $4::uuid[], $5::text[], $6::text[], $7::float8[], $8::jsonb[], $9::text[], $10::numeric[], $11::integer[])
     as v (lane, profile_id, kind, name, at, properties, currency, price, quantity)`,
);

const COUNT_EVENTS = statement(
  'profiles.count_events',
  `insert into event_count as c (lane, profile_id, kind, name, day, count, first_at, last_at)
   select v.lane, v.profile_id, v.kind, v.name, v.day, v.count, to_timestamp(v.first / 1000), to_timestamp(v.last / 1000)
   from unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::date[], $6::integer[], $7::float8[], $8::float8[])
     as v (lane, profile_id, kind, name, day, count, first, last)
   on conflict (lane, profile_id, kind, name, day) do update
   set count = c.count + excluded.count, first_at = least(c.first_at, excluded.first_at), last_at = greatest(c.last_at, excluded.last_at)`,
);

/**
 * Stores events and purchases (other happenings leave no row) and adds them to the daily counts. A time after `now`
 * (epoch milliseconds) is stored as `now`.
 */
export async function recordHappenings(
  tx: Transaction,
  workspace: number,
  happenings: readonly Happening[],
  now: number,
): Promise<void> {
  const stored = happenings.filter(({ kind }) => kind !== 'attributes').map((happening) => storable(happening, now));
  // In the order of the index: neighbours share its pages. What one profile did stays in order.
  stored.sort((a, b) => a.lane - b.lane || compare(a.profileId, b.profileId));
  if (stored.length === 0) return;
  await tx.query(INSERT_EVENTS, [
    workspace,
    now,
    plainArray(stored.map(({ lane }) => lane)),
    plainArray(stored.map(({ profileId }) => profileId)),
    plainArray(stored.map(({ kind }) => kind)),
    textArray(stored.map(({ name }) => name)),
    plainArray(stored.map(({ at }) => at)),
    textArray(stored.map(({ properties }) => jsonText(properties))),
    textArray(stored.map(({ currency }) => currency ?? null)),
    plainArray(stored.map(({ price }) => price ?? null)),
    plainArray(stored.map(({ kind, quantity }) => (kind === 'purchase' ? (quantity ?? 1) : null))),
  ]);
  const counts = countByDay(stored);
  await tx.query(COUNT_EVENTS, [
    plainArray(counts.map(({ lane }) => lane)),
    plainArray(counts.map(({ profileId }) => profileId)),
    plainArray(counts.map(({ kind }) => kind)),
    textArray(counts.map(({ name }) => name)),
    plainArray(counts.map(({ day }) => day)),
    plainArray(counts.map(({ count }) => count)),
    plainArray(counts.map(({ first }) => first)),
    plainArray(counts.map(({ last }) => last)),
  ]);
}

function storable(happening: Happening, now: number): Happening {
  const name = plainText(happening.name);
  const at = Math.min(happening.at, now);
  return name === happening.name && at === happening.at ? happening : { ...happening, name, at };
}

const DAY_MS = 86_400_000;

interface DayCount {
  readonly lane: number;
  readonly profileId: string;
  readonly kind: string;
  readonly name: string;
  readonly day: string;
  count: number;
  first: number;
  last: number;
}

/** One count per profile, kind, name and UTC day, in the order of the primary key. */
function countByDay(happenings: readonly Happening[]): DayCount[] {
  const counts = new Map<string, DayCount>();
  const days = new Map<number, string>();
  for (const { lane, profileId, kind, name, at, quantity } of happenings) {
    const number = Math.floor(at / DAY_MS);
    let day = days.get(number);
    if (day === undefined) days.set(number, (day = dayOf(at)));
    const key = `${profileId} ${kind} ${number} ${name}`;
    const amount = kind === 'purchase' ? (quantity ?? 1) : 1;
    const known = counts.get(key);
    if (!known) {
      counts.set(key, { lane, profileId, kind, name, day, count: amount, first: at, last: at });
      continue;
    }
    known.count += amount;
    known.first = Math.min(known.first, at);
    known.last = Math.max(known.last, at);
  }
  return [...counts.values()].sort(
    (a, b) =>
      a.lane - b.lane ||
      compare(a.profileId, b.profileId) ||
      compare(a.kind, b.kind) ||
      compare(a.name, b.name) ||
      compare(a.day, b.day),
  );
}

/** Code unit order: any order will do, so long as every transaction has the same. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
