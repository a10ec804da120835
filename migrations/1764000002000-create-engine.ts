import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Entries, what they wait for, their timeline, the entry gate and the counters. */
export class CreateEngine1764000002000 implements MigrationInterface {
  readonly name = 'CreateEngine1764000002000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table entry (
        lane smallint not null,
        id uuid not null,
        workspace integer not null,
        journey_id uuid not null,
        version integer not null,
        -- In the entry's own lane.
        profile_id uuid not null,
        variant text,
        status text not null default 'active' check (status in ('active', 'completed', 'exited', 'errored', 'parked')),
        reason text,
        step text,
        visit integer not null default 0,
        arrived_at timestamptz not null,
        -- When a worker looks at the entry next; null: only a signal moves it, or it has ended. Not indexed, so that a step
        -- is a HOT update: timer is its index.
        wake_at timestamptz,
        memory jsonb,
        exit_reason text,
        context jsonb not null default '{}',
        entered_at timestamptz not null,
        ended_at timestamptz,
        -- Of an errored entry: {"code", "message", "signals"}; a retry takes it up again from there.
        error jsonb,
        primary key (lane, id)
      ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
      create index entry_profile on entry (lane, profile_id, journey_id);
      create index entry_journey on entry (journey_id, id);

      -- When to look at which entry. Every active entry with a wake_at has a row of that time; a row whose time is not the
      -- entry's is stale and dropped when it comes up. Rows are inserted and deleted, never updated.
      create table timer (
        wake_at timestamptz not null,
        lane smallint not null,
        entry_id uuid not null
      ) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
      -- Not unique: a timer may be there twice, its entry is taken once.
      create index timer_order on timer (wake_at, lane, entry_id);

      -- What befell a waiting entry: written by ingest, delivery and the API, consumed by the tick.
      create table signal (
        lane smallint not null,
        entry_id uuid not null,
        id uuid not null,
        body jsonb not null,
        primary key (lane, entry_id, id)
      ) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
      create index signal_order on signal (id);

      -- Which happenings an active entry listens to: an Action Paths step it stands in, or its exit criteria.
      create table wait (
        lane smallint not null,
        profile_id uuid not null,
        entry_id uuid not null,
        kind text not null check (kind in ('action', 'exit')),
        -- 'event:NAME', 'purchase:PRODUCT', 'purchase:*', 'attribute:NAME', 'subscription:GROUP', 'session', 'audience'
        topic text not null,
        journey_id uuid not null,
        version integer not null,
        step text,
        visit integer,
        since timestamptz not null,
        primary key (lane, profile_id, entry_id, kind, topic)
      ) with (autovacuum_vacuum_scale_factor = 0.02);

      -- One row per advance of an entry: the steps it passed in one go, as a JSON array of timeline items.
      create table visit (
        lane smallint not null,
        entry_id uuid not null,
        at timestamptz not null,
        trail text not null
      ) partition by range (at);
      create index visit_entry on visit (lane, entry_id, at);

      -- The entry gate: the last entry of a profile into a journey, per re-entry key. Its primary key is what holds the rules.
      create table admission (
        lane smallint not null,
        profile_id uuid not null,
        journey_id uuid not null,
        key text not null default '',
        entry_id uuid not null,
        entered_at timestamptz not null,
        entries integer not null default 1,
        variant text,
        primary key (lane, profile_id, journey_id, key)
      ) with (fillfactor = 85);

      -- How many entries a journey's limit has used, per window ('lifetime', a run, an hour, a day in UTC).
      create table admission_limit (
        journey_id uuid not null,
        slot text not null,
        used integer not null,
        primary key (journey_id, slot)
      );

      create table refusal (
        journey_id uuid not null,
        at timestamptz not null,
        lane smallint not null,
        profile_id uuid not null,
        reason text not null
      ) partition by range (at);
      create index refusal_journey on refusal (journey_id, at);

      -- Counters are appended per batch and folded later; a reader sums both.
      create table counter_delta (
        id bigint generated always as identity primary key,
        journey_id uuid not null,
        version integer not null,
        step text not null default '',
        what text not null,
        path text not null default '',
        hour timestamptz not null,
        n bigint not null
      ) with (autovacuum_vacuum_scale_factor = 0.05);
      create table counter (
        journey_id uuid not null,
        version integer not null,
        step text not null default '',
        what text not null,
        path text not null default '',
        hour timestamptz not null,
        n bigint not null,
        primary key (journey_id, version, step, what, path, hour)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'drop table counter, counter_delta, refusal, admission_limit, admission, visit, wait, signal, timer, entry',
    );
  }
}
