/** Profiles as the API shows them (contract: `GET /api/profiles`, `GET /api/profiles/:external_id`). */
import { isId, laneOfId } from '../kernel/ids.js';
import type { Json, JsonObject } from '../kernel/json.js';
import { statement, type Sql } from '../persistence/database.js';
import type { ProfileRef } from './happening.js';
import { PROFILE_COLUMNS, refColumns, resolveIdentities, toFacts, type ProfileRow } from './profiles.reader.js';

interface CountRow {
  readonly id: string;
  readonly kind: 'event' | 'purchase';
  readonly name: string;
  readonly first: Date;
  readonly last: Date;
  readonly count: number;
}

const SHOW = statement(
  'profile_view.show',
  `select ${PROFILE_COLUMNS}
   from unnest($1::smallint[], $2::uuid[]) as r (lane, id) join profile p on p.lane = r.lane and p.id = r.id`,
);

const COUNTS = statement(
  'profile_view.counts',
  `select c.profile_id as id, c.kind, c.name, min(c.first_at) as first, max(c.last_at) as last, sum(c.count)::float8 as count
   from unnest($1::smallint[], $2::uuid[]) as r (lane, id) join event_count c on c.lane = r.lane and c.profile_id = r.id
   group by 1, 2, 3
   order by 1, 2, 3`,
);

const LIST = statement(
  'profile_view.list',
  `select p.lane, ${PROFILE_COLUMNS} from profile p
   where p.workspace = $1 and (p.lane, p.id) > ($2::smallint, $3::uuid)
   order by p.lane, p.id
   limit $4`,
);

/** The profile with this external id, in the API's shape; `null` when there is none. */
export async function showProfile(sql: Sql, workspace: number, externalId: string): Promise<JsonObject | null> {
  const found = await resolveIdentities(sql, workspace, [{ kind: 'external_id', value: externalId }]);
  const refs = [...found.values()];
  const rows = refs.length === 0 ? [] : await sql.query<ProfileRow>(SHOW, refColumns(refs));
  return (await toViews(sql, rows))[0] ?? null;
}

const FIRST: ProfileRef = { lane: -1, id: '00000000-0000-0000-0000-000000000000' };

/** A page of profiles in no order that means anything but a stable one. A cursor that is none of ours starts over. */
export async function listProfiles(
  sql: Sql,
  workspace: number,
  page: { readonly cursor: string | null; readonly limit: number },
): Promise<{ items: JsonObject[]; next_cursor: string | null }> {
  const after = page.cursor !== null && isId(page.cursor) ? { lane: laneOfId(page.cursor), id: page.cursor } : FIRST;
  const rows = await sql.query<ProfileRow>(LIST, [workspace, after.lane, after.id, page.limit + 1]);
  const shown = rows.slice(0, page.limit);
  return {
    items: await toViews(sql, shown),
    next_cursor: rows.length > page.limit ? (shown.at(-1)?.id ?? null) : null,
  };
}

async function toViews(sql: Sql, rows: readonly ProfileRow[]): Promise<JsonObject[]> {
  if (rows.length === 0) return [];
  const refs = rows.map(({ id }) => ({ lane: laneOfId(id), id }));
  const counts = await sql.query<CountRow>(COUNTS, refColumns(refs));
  return rows.map((row) =>
    toView(
      row,
      counts.filter(({ id }) => id === row.id),
    ),
  );
}

function toView(row: ProfileRow, counts: readonly CountRow[]): JsonObject {
  const profile = toFacts(row);
  const { email, push, ...groups } = profile.subscriptions;
  const done = (kind: CountRow['kind']): Json =>
    counts
      .filter((count) => count.kind === kind)
      .map(({ name, first, last, count }) => ({ name, first: first.toISOString(), last: last.toISOString(), count }));
  return {
    external_id: profile.externalId,
    braze_id: profile.id,
    user_aliases: profile.aliases.map(({ alias_name, alias_label }) => ({ alias_name, alias_label })),
    ...profile.standard,
    email_subscribe: email ?? 'subscribed',
    push_subscribe: push ?? 'subscribed',
    subscription_groups: Object.entries(groups).map(([id, state]) => ({
      subscription_group_id: id,
      subscription_state: state,
    })),
    custom_attributes: profile.custom,
    custom_events: done('event'),
    purchases: done('purchase'),
    random_bucket: profile.bucket,
    created_at: new Date(profile.createdAt).toISOString(),
  };
}
