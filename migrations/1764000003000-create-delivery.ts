import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Hosts, deliveries and attempts; the latter two are partitioned by id, which is ordered by time. */
export class CreateDelivery1764000003000 implements MigrationInterface {
  readonly name = 'CreateDelivery1764000003000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table host (
        id integer generated always as identity primary key,
        workspace integer not null,
        -- scheme://name[:port]
        origin text not null,
        -- When a worker looks for deliveries of this host next; null: none queued. A deferred host moves this, not its rows.
        next_due_at timestamptz,
        -- Nothing is sent before then (open circuit, Retry-After, used-up window): new deliveries do not wake the host earlier.
        deferred_until timestamptz,
        paused boolean not null default false,
        circuit text not null default 'closed' check (circuit in ('closed', 'open', 'half_open')),
        -- Reducer states, as JSON values of delivery/circuit.ts, rate-window.ts and pacing.ts.
        circuit_state jsonb,
        rate_state jsonb,
        pacing_state jsonb,
        settings jsonb not null default '{}',
        warning text,
        created_at timestamptz not null,
        updated_at timestamptz not null,
        unique (workspace, origin)
      ) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02);
      create index host_due on host (next_due_at) where next_due_at is not null;

      create table delivery (
        lane smallint not null,
        id uuid not null,
        workspace integer not null,
        journey_id uuid not null,
        version integer not null,
        step text not null,
        visit integer not null,
        entry_id uuid not null,
        profile_id uuid not null,
        -- null: the URL could not be made out; such a delivery is born ended.
        host_id integer,
        status text not null check (status in ('held', 'due', 'sending', 'retry', 'delivered', 'failed', 'aborted', 'expired', 'cancelled')),
        reason text,
        -- When the next attempt may be made; null once ended.
        due_at timestamptz,
        attempts smallint not null default 0,
        -- Attempts made before it was last retried by hand: the budget counts from there.
        retried_after smallint not null default 0,
        first_attempt_at timestamptz,
        lease_until timestamptz,
        lease_token uuid,
        method text,
        url text,
        -- json: written with every attempt and read by few.
        headers json,
        body bytea,
        response_status smallint,
        created_at timestamptz not null,
        finished_at timestamptz,
        -- By id first: lists go by it, and every change of a row writes every index, so there is one for both.
        primary key (id, lane)
      ) partition by range (id);
      create index delivery_due on delivery (host_id, status, due_at) where status in ('due', 'retry');
      create index delivery_lease on delivery (lease_until) where status = 'sending';
      create index delivery_entry on delivery (lane, entry_id);

      create table attempt (
        lane smallint not null,
        delivery_id uuid not null,
        number smallint not null,
        at timestamptz not null,
        duration_ms integer not null,
        status smallint,
        error text,
        response_headers json,
        response_body text,
        primary key (lane, delivery_id, number)
      ) partition by range (delivery_id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table attempt, delivery, host');
  }
}
