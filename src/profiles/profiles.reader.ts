/** Reads profiles and finds them by identity: one statement per kind of look-up, whatever the number. */
import { isId, laneOfId } from '../kernel/ids.js';
import type { JsonObject } from '../kernel/json.js';
import { plainArray, textArray } from '../persistence/arrays.js';
import { statement, type Sql } from '../persistence/database.js';
import type { ProfileFacts } from '../segments/subject.js';
import type { ProfileRef } from './happening.js';
import { identityKey, identityRow, type Identity } from './identity.js';

export interface ProfileRow {
  readonly id: string;
  readonly external_id: string | null;
  readonly aliases: ProfileFacts['aliases'];
  readonly standard: JsonObject;
  readonly custom: JsonObject;
  readonly subscriptions: Readonly<Record<string, string>>;
  readonly bucket: number;
  readonly created_at: number;
}

/** The columns of a `ProfileRow`, of a table called `p`. */
export const PROFILE_COLUMNS = `p.id, p.external_id, p.aliases, p.standard, p.custom, p.subscriptions, p.bucket,
     extract(epoch from p.created_at)::float8 * 1000 as created_at`;

const READ = `select ${PROFILE_COLUMNS}
   from unnest($1::smallint[], $2::uuid[]) as r (lane, id)
   join profile p on p.lane = r.lane and p.id = r.id`;
const READ_PLAIN = statement('profiles.read', READ);
/** Locks in the order of the primary key, after the sort: two transactions that lock the same profiles cannot deadlock. */
const READ_LOCKED = statement('profiles.read_locked', `${READ} order by p.lane, p.id for no key update of p`);

/**
 * Profiles by id; ids that are gone are missing in the result. With `lock`, they stay as they are until the transaction
 * ends and what comes back is the newest committed state.
 */
export async function readProfiles(
  sql: Sql,
  refs: readonly ProfileRef[],
  lock = false,
): Promise<Map<string, ProfileFacts>> {
  if (refs.length === 0) return new Map();
  const rows = await sql.query<ProfileRow>(lock ? READ_LOCKED : READ_PLAIN, refColumns(refs));
  return new Map(rows.map((row) => [row.id, toFacts(row)]));
}

export function toFacts(row: ProfileRow): ProfileFacts {
  return {
    id: row.id,
    externalId: row.external_id,
    aliases: row.aliases,
    standard: row.standard,
    custom: row.custom,
    subscriptions: row.subscriptions,
    bucket: row.bucket,
    createdAt: Math.round(row.created_at),
  };
}

const BY_IDENTITY = statement(
  'profiles.by_identity',
  `select k.n::integer as n, i.profile_lane as lane, i.profile_id as id
   from unnest($2::smallint[], $3::text[], $4::text[]) with ordinality as k (lane, kind, value, n)
   join identity i on i.lane = k.lane and i.workspace = $1 and i.kind = k.kind and i.value = k.value`,
);

const BY_ID = statement(
  'profiles.by_id',
  `select k.n::integer as n, p.lane, p.id
   from unnest($2::smallint[], $3::uuid[]) with ordinality as k (lane, id, n)
   join profile p on p.lane = k.lane and p.id = k.id and p.workspace = $1`,
);

/** Several profiles with one address: one that is identified before others, then the one updated last. */
const PREFERRED = 'k.n, (p.external_id is not null) desc, p.updated_at desc, p.id';

const BY_EMAIL = statement(
  'profiles.by_email',
  `select distinct on (k.n) k.n::integer as n, p.lane, p.id
   from unnest($2::text[]) with ordinality as k (value, n)
   join profile p on p.workspace = $1 and p.standard ? 'email' and lower(p.standard ->> 'email') = lower(k.value)
   order by ${PREFERRED}`,
);

const BY_PHONE = statement(
  'profiles.by_phone',
  `select distinct on (k.n) k.n::integer as n, p.lane, p.id
   from unnest($2::text[]) with ordinality as k (value, n)
   join profile p on p.workspace = $1 and p.standard ? 'phone' and p.standard ->> 'phone' = k.value
   order by ${PREFERRED}`,
);

/** The profiles that identities name, by `identityKey`; those that name none are missing. */
export async function resolveIdentities(
  sql: Sql,
  workspace: number,
  identities: readonly Identity[],
): Promise<Map<string, ProfileRef>> {
  const found = new Map<string, ProfileRef>();
  const unique = [...new Map(identities.map((identity) => [identityKey(identity), identity])).values()];

  const look = async <I extends Identity>(
    asked: readonly I[],
    query: Parameters<Sql['query']>[0],
    columns: (asked: readonly I[]) => readonly string[],
  ): Promise<void> => {
    if (asked.length === 0) return;
    const rows = await sql.query<{ n: number; lane: number; id: string }>(query, [workspace, ...columns(asked)]);
    for (const { n, lane, id } of rows) found.set(identityKey(asked[n - 1]!), { lane, id });
  };

  await look(unique.filter(hasRow), BY_IDENTITY, (asked) => rowColumns(asked.map(identityRow)));
  await look(
    unique.filter((identity) => identity.kind === 'braze_id' && isId(identity.value)) as Valued[],
    BY_ID,
    (asked) => [plainArray(asked.map(({ value }) => laneOfId(value))), plainArray(asked.map(({ value }) => value))],
  );
  const values = (asked: readonly Valued[]): string[] => [textArray(asked.map(({ value }) => value))];
  await look(unique.filter(isOf('email')), BY_EMAIL, values);
  await look(unique.filter(isOf('phone')), BY_PHONE, values);
  return found;
}

type WithRow = Extract<Identity, { kind: 'external_id' | 'alias' }>;
type Valued = Exclude<Identity, { kind: 'alias' }>;

/** External ids and aliases have rows in `identity`; the others are found through the profile itself. */
export function hasRow(identity: Identity): identity is WithRow {
  return identity.kind === 'external_id' || identity.kind === 'alias';
}

function isOf(kind: 'email' | 'phone'): (identity: Identity) => identity is Valued {
  return (identity): identity is Valued => identity.kind === kind;
}

const SIBLINGS = statement(
  'profiles.siblings',
  `select p.id as of, s.lane, s.id
   from unnest($2::smallint[], $3::uuid[]) as r (lane, id)
   join profile p on p.lane = r.lane and p.id = r.id and p.standard ? 'email'
   cross join lateral (
     select s.lane, s.id from profile s
     where s.workspace = $1 and s.standard ? 'email' and lower(s.standard ->> 'email') = lower(p.standard ->> 'email')
       and s.id <> p.id
     order by s.lane, s.id
     limit 100
   ) s`,
);

/** Other profiles with the same e-mail address (at most 100 each), by profile id. */
export async function readSameEmail(
  sql: Sql,
  workspace: number,
  refs: readonly ProfileRef[],
): Promise<Map<string, ProfileRef[]>> {
  const siblings = new Map<string, ProfileRef[]>();
  if (refs.length === 0) return siblings;
  const rows = await sql.query<{ of: string; lane: number; id: string }>(SIBLINGS, [workspace, ...refColumns(refs)]);
  for (const { of, lane, id } of rows) siblings.set(of, [...(siblings.get(of) ?? []), { lane, id }]);
  return siblings;
}

export function refColumns(refs: readonly ProfileRef[]): [string, string] {
  return [plainArray(refs.map(({ lane }) => lane)), plainArray(refs.map(({ id }) => id))];
}

/** Columns `lane, kind, value` of identity rows. */
export function rowColumns(rows: readonly ReturnType<typeof identityRow>[]): [string, string, string] {
  return [
    plainArray(rows.map(({ lane }) => lane)),
    plainArray(rows.map(({ kind }) => kind)),
    textArray(rows.map(({ value }) => value)),
  ];
}
