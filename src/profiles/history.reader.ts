/** Reads what profiles did: totals from the daily counts, single events from `event`; many profiles at a time. */
import type { JsonObject } from '../kernel/json.js';
import { plainArray, textArray } from '../persistence/arrays.js';
import { statement, type Sql, type Statement } from '../persistence/database.js';
import type { EventStat, HappeningKind, History, HistoryNeed } from '../segments/subject.js';
import type { ProfileRef } from './happening.js';
import { keyOf, Past, type Named } from './history.js';
import { refColumns } from './profiles.reader.js';

/** Both indexes go on by name after profile and kind, so a need for any product is a statement of its own. */
function forNames(name: string, text: (named: string) => string): { readonly one: Statement; readonly any: Statement } {
  return { one: statement(name, text('and x.name = n.name')), any: statement(`${name}_any`, text('')) };
}

const STATS = forNames(
  'history.stats',
  (named) => `select x.profile_id as id, n.kind, n.name as asked, sum(x.count)::float8 as count,
     extract(epoch from min(x.first_at))::float8 * 1000 as first, extract(epoch from max(x.last_at))::float8 * 1000 as last
   from unnest($1::smallint[], $2::uuid[]) as r (lane, id)
   cross join unnest($3::text[], $4::text[]) as n (kind, name)
   join event_count x on x.lane = r.lane and x.profile_id = r.id and x.kind = n.kind ${named}
   group by 1, 2, 3`,
);

/** What happened at a time was received no earlier, which is what spares the older partitions. */
const LIST = forNames(
  'history.list',
  (named) => `select x.profile_id as id, n.kind, n.name as asked, x.name, extract(epoch from x.at)::float8 * 1000 as at,
     x.properties, x.quantity
   from unnest($1::smallint[], $2::uuid[]) as r (lane, id)
   cross join unnest($3::text[], $4::text[], $5::float8[]) as n (kind, name, since)
   join event x on x.lane = r.lane and x.profile_id = r.id and x.kind = n.kind ${named}
     and x.at >= to_timestamp(n.since / 1000)
   where x.received_at >= to_timestamp($6::float8 / 1000)
   order by x.at desc`,
);

interface Row {
  readonly id: string;
  readonly kind: HappeningKind;
  readonly asked: string;
}

interface ListRow extends Row {
  readonly name: string;
  readonly at: number;
  readonly properties: JsonObject;
  readonly quantity: number | null;
}

/**
 * The past of each profile as far as `needs` ask for it, by profile id; every profile asked for has one. Totals come for
 * every need, single events for those with `within`. A purchase of quantity q counts as q and is listed q times.
 */
export async function readHistory(
  sql: Sql,
  refs: readonly ProfileRef[],
  needs: readonly HistoryNeed[],
  now: number,
): Promise<Map<string, History>> {
  const pasts = new Map(refs.map(({ id }) => [id, new Past()]));
  if (refs.length === 0) return pasts;
  for (const [which, asked] of [
    ['one', needs.filter((need) => !isAny(need))],
    ['any', needs.filter(isAny)],
  ] as const) {
    await addStats(sql, STATS[which], refs, asked, pasts);
    await addFacts(
      sql,
      LIST[which],
      refs,
      asked.filter(({ within }) => within !== null),
      now,
      pasts,
    );
  }
  return pasts;
}

function isAny({ kind, name }: Named): boolean {
  return kind === 'purchase' && name === '*';
}

type Pasts = ReadonlyMap<string, Past>;

async function addStats(
  sql: Sql,
  query: Statement,
  refs: readonly ProfileRef[],
  needs: readonly HistoryNeed[],
  pasts: Pasts,
): Promise<void> {
  if (needs.length === 0) return;
  const rows = await sql.query<Row & EventStat>(query, [...refColumns(refs), ...nameColumns(unique(needs))]);
  for (const { id, kind, asked, count, first, last } of rows) {
    pasts.get(id)?.addStat({ kind, name: asked }, { count, first: Math.round(first), last: Math.round(last) });
  }
}

async function addFacts(
  sql: Sql,
  query: Statement,
  refs: readonly ProfileRef[],
  needs: readonly HistoryNeed[],
  now: number,
  pasts: Pasts,
): Promise<void> {
  if (needs.length === 0) return;
  const names = unique(needs);
  const since = names.map((name) => now - widest(needs, name));
  const columns = [...refColumns(refs), ...nameColumns(names), plainArray(since), Math.min(...since)];
  for (const { id, kind, asked, name, at, properties, quantity } of await sql.query<ListRow>(query, columns)) {
    pasts.get(id)?.addFact({ kind, name: asked }, { name, at: Math.round(at), properties }, quantity ?? 1);
  }
}

function unique(needs: readonly HistoryNeed[]): Named[] {
  return [...new Map(needs.map((need) => [keyOf(need), need])).values()];
}

function nameColumns(names: readonly Named[]): [string, string] {
  return [plainArray(names.map(({ kind }) => kind)), textArray(names.map(({ name }) => name))];
}

function widest(needs: readonly HistoryNeed[], of: Named): number {
  return Math.max(...needs.filter((need) => keyOf(need) === keyOf(of)).map(({ within }) => within ?? 0));
}
