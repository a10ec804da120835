import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Profiles, their identities, events (partitioned by week of receipt) and daily event counts. */
export class CreateProfiles1764000001000 implements MigrationInterface {
  readonly name = 'CreateProfiles1764000001000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table profile (
        lane smallint not null,
        id uuid not null,
        workspace integer not null,
        external_id text,
        aliases jsonb not null default '[]',
        standard jsonb not null default '{}',
        custom jsonb not null default '{}',
        subscriptions jsonb not null default '{}',
        bucket smallint not null,
        created_at timestamptz not null,
        updated_at timestamptz not null,
        primary key (lane, id)
      ) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);
      create index profile_email on profile (workspace, lower(standard ->> 'email')) where standard ? 'email';
      create index profile_phone on profile (workspace, (standard ->> 'phone')) where standard ? 'phone';

      -- The lane here is that of the identity itself, so that a look-up needs nothing but the identity.
      create table identity (
        lane smallint not null,
        workspace integer not null,
        kind text not null check (kind in ('external_id', 'alias')),
        value text not null,
        profile_lane smallint not null,
        profile_id uuid not null,
        primary key (lane, workspace, kind, value)
      );

      create table event (
        lane smallint not null,
        profile_id uuid not null,
        workspace integer not null,
        kind text not null check (kind in ('event', 'purchase')),
        -- Event name, or product id of a purchase.
        name text not null,
        at timestamptz not null,
        received_at timestamptz not null,
        properties jsonb not null default '{}',
        currency text,
        price numeric,
        quantity integer
      ) partition by range (received_at);
      create index event_profile on event (lane, profile_id, kind, name, at);

      create table event_count (
        lane smallint not null,
        profile_id uuid not null,
        kind text not null,
        name text not null,
        day date not null,
        count integer not null,
        first_at timestamptz not null,
        last_at timestamptz not null,
        primary key (lane, profile_id, kind, name, day)
      ) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

      -- Moments in attributes, for filters: as parseInstant of src/liquid/instant.ts reads them. Epoch milliseconds.
      create function filter_instant(value text) returns bigint language plpgsql immutable strict parallel safe as $$
      declare
        part text[] := regexp_match(value, '^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,:]([0-9]{1,9}))?)?(?: ?(Z|[+-][0-9]{2}(?::?[0-9]{2})?))?)?$');
        first_day date;
        day integer;
        zone_minutes integer := 0;
      begin
        if part is null or part[1] = '0000' or part[2] not between '01' and '12' then return null; end if;
        first_day := make_date(part[1]::integer, part[2]::integer, 1);
        day := part[3]::integer;
        if day < 1 or extract(month from first_day + day - 1) <> part[2]::integer
          or part[4] > '23' or part[5] > '59' or part[6] > '59' then return null; end if;
        if part[8] like '+%' or part[8] like '-%' then
          if substr(part[8], 2, 2) > '15' or right(replace(part[8], ':', ''), -3) > '59' then return null; end if;
          zone_minutes := substr(part[8], 2, 2)::integer * 60 + coalesce(nullif(right(replace(part[8], ':', ''), -3), '')::integer, 0);
          if part[8] like '-%' then zone_minutes := -zone_minutes; end if;
        end if;
        return ((first_day + day - 1) - date '1970-01-01')::bigint * 86400000
          + coalesce(part[4]::integer, 0) * 3600000 + coalesce(part[5]::integer, 0) * 60000 + coalesce(part[6]::integer, 0) * 1000
          + coalesce(substr(rpad(part[7], 3, '0'), 1, 3)::integer, 0) - zone_minutes * 60000;
      end
      $$;

      -- The day of a moment in a zone, else in the other; a bare date is that day everywhere. As wallDay of src/segments/day.ts.
      create function filter_day(at bigint, bare boolean, zone text, otherwise text) returns date language plpgsql stable parallel safe as $$
      declare
        moment timestamptz := to_timestamp(at::numeric / 1000);
      begin
        if bare then return (moment at time zone 'UTC')::date; end if;
        if zone ~ '^(?:UTC|GMT|[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+)$' then
          begin
            return (moment at time zone zone)::date;
          exception when invalid_parameter_value then null;
          end;
        end if;
        return (moment at time zone otherwise)::date;
      end
      $$;

      -- As sameDay of src/segments/day.ts.
      create function filter_same_day(day date, other date) returns boolean language sql immutable parallel safe as $$
        select to_char(day::timestamp, 'MMDD') = to_char(other::timestamp, 'MMDD')
          or (to_char(day::timestamp, 'MMDD') = '0229' and to_char(other::timestamp, 'MMDD') = '0301'
            and extract(day from other - 1) <> 29)
      $$;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop table event_count, event, identity, profile;
      drop function filter_instant, filter_day, filter_same_day
    `);
  }
}
