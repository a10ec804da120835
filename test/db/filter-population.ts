/** Writes generated profiles and their past into the database, and loads them back the way the engine does. */
import { readJourneyFacts, readWebhookTimes } from '../../src/engine/facts.reader.js';
import { newId } from '../../src/kernel/ids.js';
import type { Database } from '../../src/persistence/database.js';
import { readHistory } from '../../src/profiles/history.reader.js';
import { readProfiles } from '../../src/profiles/profiles.reader.js';
import type { HistoryNeed, JourneyFact, Subject } from '../../src/segments/subject.js';
import { COMPANY, DAY, NOW, WORKSPACE, type MadeProfile } from './filter-arbitraries.js';

const ALL_HISTORY: HistoryNeed[] = [
  ...['seen', 'bought', 'never'].map((name) => ({ kind: 'event' as const, name, within: Infinity })),
  ...['sku-1', '*'].map((name) => ({ kind: 'purchase' as const, name, within: Infinity })),
];

export async function populate(sql: Database, profiles: readonly MadeProfile[]): Promise<Map<string, Subject>> {
  await sql.query(`insert into workspace (id, name) values ($1, 'w') on conflict do nothing`, [WORKSPACE]);
  const journeys = new Map<string, string>();
  for (const key of ['one', 'two']) {
    const id = newId(0, NOW);
    journeys.set(key, id);
    await sql.query(
      `insert into journey (id, workspace, key, name, latest_version, created_at, updated_at) values ($1, $2, $3, $3, 1, now(), now())`,
      [id, WORKSPACE, key],
    );
  }
  const refs: { lane: number; id: string }[] = [];
  for (const [i, made] of profiles.entries()) {
    const ref = { lane: i % 64, id: newId(i % 64, NOW - i) };
    refs.push(ref);
    await sql.query(
      `insert into profile (lane, id, workspace, external_id, standard, custom, subscriptions, bucket, created_at, updated_at)
       values ($1, $2, $3, $4, $5::text::jsonb, $6::text::jsonb, $7::text::jsonb, $8, now(), now())`,
      [
        ref.lane,
        ref.id,
        WORKSPACE,
        made.externalId,
        JSON.stringify(made.standard),
        JSON.stringify(made.custom),
        JSON.stringify(made.subscriptions),
        made.bucket,
      ],
    );
    for (const { kind, name, ago, quantity, properties } of made.events) {
      const at = new Date(NOW - ago);
      const pieces = kind === 'purchase' ? quantity : 1;
      await sql.query(
        `insert into event (lane, profile_id, workspace, kind, name, at, received_at, properties, quantity) values ($1, $2, $3, $4, $5, $6, $6, $7::text::jsonb, $8)`,
        [ref.lane, ref.id, WORKSPACE, kind, name, at, JSON.stringify(properties), kind === 'purchase' ? pieces : null],
      );
      await sql.query(
        `insert into event_count as c values ($1, $2, $3, $4, ($5::timestamptz at time zone 'UTC')::date, $6, $5, $5)
         on conflict (lane, profile_id, kind, name, day) do update
         set count = c.count + excluded.count, first_at = least(c.first_at, excluded.first_at), last_at = greatest(c.last_at, excluded.last_at)`,
        [ref.lane, ref.id, kind, name, at, pieces],
      );
    }
    for (const { journey, status, ago, sent } of made.passages) {
      const entry = newId(ref.lane, NOW - ago * DAY);
      const journeyId = journeys.get(journey);
      const at = new Date(NOW - ago * DAY);
      await sql.query(
        `insert into entry (lane, id, workspace, journey_id, version, profile_id, status, arrived_at, entered_at, ended_at) values ($1, $2, $3, $4, 1, $5, $6, $7, $7, $8)`,
        [
          ref.lane,
          entry,
          WORKSPACE,
          journeyId,
          ref.id,
          status,
          at,
          status === 'active' || status === 'parked' ? null : at,
        ],
      );
      await sql.query(
        `insert into delivery (lane, id, workspace, journey_id, version, step, visit, entry_id, profile_id, status, created_at, finished_at)
         values ($1, $2, $3, $4, 1, 's', 1, $5, $6, $7, $8, $8)`,
        [
          ref.lane,
          newId(ref.lane, NOW - ago * DAY),
          WORKSPACE,
          journeyId,
          entry,
          ref.id,
          sent ? 'delivered' : 'failed',
          at,
        ],
      );
    }
  }
  return load(sql, refs, journeys);
}

/** The profiles as the engine loads them. */
async function load(
  sql: Database,
  refs: { lane: number; id: string }[],
  journeys: ReadonlyMap<string, string>,
): Promise<Map<string, Subject>> {
  const profiles = await readProfiles(sql, refs);
  const past = await readHistory(sql, refs, ALL_HISTORY, NOW);
  const people = refs.map(({ lane, id }) => ({ lane, profileId: id }));
  const facts = await readJourneyFacts(sql, people, [...journeys.values()]);
  const webhooks = await readWebhookTimes(sql, people);
  return new Map(
    refs.map(({ id }) => {
      const known: Record<string, JourneyFact> = {};
      const sent: Record<string, number> = {};
      for (const [key, journeyId] of journeys) {
        const fact = facts.get(id)?.get(journeyId);
        if (fact) known[key] = fact;
        const at = webhooks.get(id)?.get(journeyId);
        if (at !== undefined) {
          sent[key] = at;
          sent['*'] = Math.max(sent['*'] ?? 0, at);
        }
      }
      return [
        id,
        {
          profile: profiles.get(id)!,
          history: past.get(id)!,
          journeys: known,
          webhooks: sent,
          context: {},
          properties: {},
          companyTimeZone: COMPANY,
        },
      ];
    }),
  );
}
