/** What every scenario stands on: a fresh, migrated database on the run's server, and journeys launched in it. */
import pg from 'pg';
import { DataSource } from 'typeorm';
import { JourneyDraftsService } from '../src/journeys/drafts.service.js';
import { JourneyLifecycleService } from '../src/journeys/lifecycle.service.js';
import type { Json } from '../src/kernel/json.js';
import { systemClock } from '../src/kernel/clock.js';
import { newId } from '../src/kernel/ids.js';
import { createDataSource } from '../src/persistence/data-source.js';
import { Database, type DatabaseOptions } from '../src/persistence/database.js';
import { migrate } from '../src/persistence/migrate.js';

export interface Workbench {
  readonly options: DatabaseOptions;
  readonly database: Database;
  launch(definition: Json): Promise<string>;
  close(): Promise<void>;
}

/** `url`: the server, any database of it. The database made here is dropped at close. */
export async function openWorkbench(url: string): Promise<Workbench> {
  const name = `bench_${process.pid}_${Math.floor(performance.now())}`;
  await administer(url, `create database ${name}`);
  const target = new URL(url);
  target.pathname = `/${name}`;
  const options: DatabaseOptions = { connectionString: target.href, max: 12 };
  await migrate(options);
  const database = new Database(options);
  await database.query(
    `insert into workspace (id, name) overriding system value values (1, 'bench') on conflict do nothing`,
  );
  let source: DataSource | undefined;
  return {
    options,
    database,
    async launch(definition) {
      source ??= await createDataSource(options).initialize();
      const drafts = new JourneyDraftsService(source, systemClock);
      const { id } = await drafts.create(1, { value: definition, text: JSON.stringify(definition) }, 'bench');
      await new JourneyLifecycleService(source, systemClock).launch(1, id, {}, 'bench');
      return id;
    },
    async close() {
      await source?.destroy();
      await database.close();
      await administer(url, `drop database ${name} with (force)`);
    },
  };
}

async function administer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql);
  await client.end();
}

/** Profiles `user-0` … of workspace 1, with their identities. Returns their (lane, id). */
export async function makeProfiles(database: Database, count: number): Promise<{ lane: number; id: string }[]> {
  const refs: { lane: number; id: string }[] = [];
  const now = Date.now();
  for (let from = 0; from < count; from += 10_000) {
    const chunk = Array.from({ length: Math.min(10_000, count - from) }, (_, i) => {
      const lane = (from + i) % 64;
      return { lane, id: newId(lane, now) };
    });
    await database.query(
      `insert into profile (lane, id, workspace, external_id, bucket, custom, created_at, updated_at)
       select lane, id, 1, 'user-' || ($3::integer + n - 1), (n * 7919) % 10000, '{"plan": "pro"}', now(), now()
       from unnest($1::smallint[], $2::uuid[]) with ordinality as p (lane, id, n)`,
      [chunk.map((r) => r.lane), chunk.map((r) => r.id), from],
    );
    refs.push(...chunk);
  }
  return refs;
}

/** Entries of a journey's version 1 that are due at `wakeAt`, as the gate would have written them. */
export async function makeEntries(
  database: Database,
  journeyId: string,
  profiles: readonly { lane: number; id: string }[],
  wakeAt: number,
): Promise<void> {
  for (let from = 0; from < profiles.length; from += 10_000) {
    const chunk = profiles.slice(from, from + 10_000);
    await database.query(
      `with made as (insert into entry (lane, id, workspace, journey_id, version, profile_id, arrived_at, wake_at, entered_at)
       select lane, id, 1, $4, 1, profile_id, to_timestamp($5::float8 / 1000), to_timestamp($5::float8 / 1000), to_timestamp($5::float8 / 1000)
       from unnest($1::smallint[], $2::uuid[], $3::uuid[]) as e (lane, id, profile_id)
       returning wake_at, lane, id)
       insert into timer (wake_at, lane, entry_id) select wake_at, lane, id from made`,
      [
        chunk.map((r) => r.lane),
        chunk.map((r) => newId(r.lane, Date.now())),
        chunk.map((r) => r.id),
        journeyId,
        wakeAt,
      ],
    );
  }
}

export async function analyze(database: Database): Promise<void> {
  await database.query('vacuum analyze');
  await database.query('checkpoint');
}
