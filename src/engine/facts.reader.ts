import { plainArray } from '../persistence/arrays.js';
import { statement, type Sql } from '../persistence/database.js';
import type { JourneyFact } from '../segments/subject.js';

interface Ref {
  readonly lane: number;
  readonly profileId: string;
}

const JOURNEYS = statement(
  'facts.journeys',
  `select e.profile_id, e.journey_id, extract(epoch from max(e.entered_at))::float8 * 1000 as entered,
     bool_or(e.status in ('active', 'parked', 'errored')) as inside,
     extract(epoch from max(e.ended_at) filter (where e.status = 'completed'))::float8 * 1000 as completed
   from unnest($1::smallint[], $2::uuid[]) as p (lane, profile_id)
   join entry e on e.lane = p.lane and e.profile_id = p.profile_id
   where e.journey_id = any($3::uuid[])
   group by e.profile_id, e.journey_id`,
);

/** What is known of each profile's passages through the named journeys: profile id → journey id → fact. */
export async function readJourneyFacts(
  sql: Sql,
  refs: readonly Ref[],
  journeyIds: readonly string[],
): Promise<Map<string, Map<string, JourneyFact>>> {
  const rows = await sql.query<{
    profile_id: string;
    journey_id: string;
    entered: number;
    inside: boolean;
    completed: number | null;
  }>(JOURNEYS, [plainArray(refs.map((r) => r.lane)), plainArray(refs.map((r) => r.profileId)), plainArray(journeyIds)]);
  const facts = new Map<string, Map<string, JourneyFact>>();
  for (const row of rows) {
    const of = facts.get(row.profile_id) ?? new Map<string, JourneyFact>();
    of.set(row.journey_id, {
      entered: Math.round(row.entered),
      inside: row.inside,
      completed: row.completed === null ? null : Math.round(row.completed),
      converted: null,
      inControl: false,
    });
    facts.set(row.profile_id, of);
  }
  return facts;
}

const WEBHOOKS = statement(
  'facts.webhooks',
  `select e.profile_id, e.journey_id, extract(epoch from max(d.finished_at))::float8 * 1000 as sent
   from unnest($1::smallint[], $2::uuid[]) as p (lane, profile_id)
   join entry e on e.lane = p.lane and e.profile_id = p.profile_id
   join delivery d on d.lane = e.lane and d.entry_id = e.id and d.status = 'delivered'
   group by e.profile_id, e.journey_id`,
);

/** When each profile was last sent a webhook, per journey: profile id → journey id → epoch milliseconds. */
export async function readWebhookTimes(sql: Sql, refs: readonly Ref[]): Promise<Map<string, Map<string, number>>> {
  const rows = await sql.query<{ profile_id: string; journey_id: string; sent: number }>(WEBHOOKS, [
    plainArray(refs.map((r) => r.lane)),
    plainArray(refs.map((r) => r.profileId)),
  ]);
  const times = new Map<string, Map<string, number>>();
  for (const row of rows) {
    const of = times.get(row.profile_id) ?? new Map<string, number>();
    of.set(row.journey_id, Math.round(row.sent));
    times.set(row.profile_id, of);
  }
  return times;
}
