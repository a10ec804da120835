create table admission (
  lane smallint not null,
  profile_id uuid not null,
  journey_id uuid not null,
  key text not null default ''::text,
  entry_id uuid not null,
  entered_at timestamp with time zone not null,
  entries integer not null default 1,
  variant text,
  constraint admission_pkey PRIMARY KEY (lane, profile_id, journey_id, key)
) with (fillfactor=85);

create table admission_limit (
  journey_id uuid not null,
  slot text not null,
  used integer not null,
  constraint admission_limit_pkey PRIMARY KEY (journey_id, slot)
);

create table api_key (
  id uuid not null,
  workspace integer not null,
  name text not null,
  hash bytea not null,
  hint text not null,
  scopes text[] not null,
  created_at timestamp with time zone not null,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  constraint api_key_workspace_fkey FOREIGN KEY (workspace) REFERENCES workspace(id),
  constraint api_key_pkey PRIMARY KEY (id),
  constraint api_key_hash_key UNIQUE (hash)
);

create table attempt (
  lane smallint not null,
  delivery_id uuid not null,
  number smallint not null,
  at timestamp with time zone not null,
  duration_ms integer not null,
  status smallint,
  error text,
  response_headers json,
  response_body text,
  constraint attempt_pkey PRIMARY KEY (lane, delivery_id, number)
) partition by RANGE (delivery_id);

create table audit (
  id bigint not null generated always as identity,
  workspace integer not null,
  at timestamp with time zone not null,
  actor text not null,
  action text not null,
  subject text not null,
  details jsonb not null default '{}'::jsonb,
  constraint audit_pkey PRIMARY KEY (id)
);

create table counter (
  journey_id uuid not null,
  version integer not null,
  step text not null default ''::text,
  what text not null,
  path text not null default ''::text,
  hour timestamp with time zone not null,
  n bigint not null,
  constraint counter_pkey PRIMARY KEY (journey_id, version, step, what, path, hour)
);

create table counter_delta (
  id bigint not null generated always as identity,
  journey_id uuid not null,
  version integer not null,
  step text not null default ''::text,
  what text not null,
  path text not null default ''::text,
  hour timestamp with time zone not null,
  n bigint not null,
  constraint counter_delta_pkey PRIMARY KEY (id)
) with (autovacuum_vacuum_scale_factor=0.05);

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
  host_id integer,
  status text not null,
  reason text,
  due_at timestamp with time zone,
  attempts smallint not null default 0,
  retried_after smallint not null default 0,
  first_attempt_at timestamp with time zone,
  lease_until timestamp with time zone,
  lease_token uuid,
  method text,
  url text,
  headers json,
  body bytea,
  response_status smallint,
  created_at timestamp with time zone not null,
  finished_at timestamp with time zone,
  constraint delivery_status_check CHECK ((status = ANY (ARRAY['held'::text, 'due'::text, 'sending'::text, 'retry'::text, 'delivered'::text, 'failed'::text, 'aborted'::text, 'expired'::text, 'cancelled'::text]))),
  constraint delivery_pkey PRIMARY KEY (id, lane)
) partition by RANGE (id);
CREATE INDEX delivery_due ON ONLY public.delivery USING btree (host_id, status, due_at) WHERE (status = ANY (ARRAY['due'::text, 'retry'::text]));
CREATE INDEX delivery_entry ON ONLY public.delivery USING btree (lane, entry_id);
CREATE INDEX delivery_lease ON ONLY public.delivery USING btree (lease_until) WHERE (status = 'sending'::text);

create table entry (
  lane smallint not null,
  id uuid not null,
  workspace integer not null,
  journey_id uuid not null,
  version integer not null,
  profile_id uuid not null,
  variant text,
  status text not null default 'active'::text,
  reason text,
  step text,
  visit integer not null default 0,
  arrived_at timestamp with time zone not null,
  wake_at timestamp with time zone,
  memory jsonb,
  exit_reason text,
  context jsonb not null default '{}'::jsonb,
  entered_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  error jsonb,
  constraint entry_status_check CHECK ((status = ANY (ARRAY['active'::text, 'completed'::text, 'exited'::text, 'errored'::text, 'parked'::text]))),
  constraint entry_pkey PRIMARY KEY (lane, id)
) with (fillfactor=50, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_cost_delay=0);
CREATE INDEX entry_journey ON public.entry USING btree (journey_id, id);
CREATE INDEX entry_profile ON public.entry USING btree (lane, profile_id, journey_id);

create table event (
  lane smallint not null,
  profile_id uuid not null,
  workspace integer not null,
  kind text not null,
  name text not null,
  at timestamp with time zone not null,
  received_at timestamp with time zone not null,
  properties jsonb not null default '{}'::jsonb,
  currency text,
  price numeric,
  quantity integer,
  constraint event_kind_check CHECK ((kind = ANY (ARRAY['event'::text, 'purchase'::text])))
) partition by RANGE (received_at);
CREATE INDEX event_profile ON ONLY public.event USING btree (lane, profile_id, kind, name, at);

create table event_count (
  lane smallint not null,
  profile_id uuid not null,
  kind text not null,
  name text not null,
  day date not null,
  count integer not null,
  first_at timestamp with time zone not null,
  last_at timestamp with time zone not null,
  constraint event_count_pkey PRIMARY KEY (lane, profile_id, kind, name, day)
) with (fillfactor=80, autovacuum_vacuum_scale_factor=0.02);

create table host (
  id integer not null generated always as identity,
  workspace integer not null,
  origin text not null,
  next_due_at timestamp with time zone,
  deferred_until timestamp with time zone,
  paused boolean not null default false,
  circuit text not null default 'closed'::text,
  circuit_state jsonb,
  rate_state jsonb,
  pacing_state jsonb,
  settings jsonb not null default '{}'::jsonb,
  warning text,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  constraint host_circuit_check CHECK ((circuit = ANY (ARRAY['closed'::text, 'open'::text, 'half_open'::text]))),
  constraint host_pkey PRIMARY KEY (id),
  constraint host_workspace_origin_key UNIQUE (workspace, origin)
) with (fillfactor=60, autovacuum_vacuum_scale_factor=0.02);
CREATE INDEX host_due ON public.host USING btree (next_due_at) WHERE (next_due_at IS NOT NULL);

create table idempotency (
  workspace integer not null,
  key text not null,
  fingerprint bytea not null,
  status smallint,
  body json,
  created_at timestamp with time zone not null,
  constraint idempotency_pkey PRIMARY KEY (workspace, key)
);

create table identity (
  lane smallint not null,
  workspace integer not null,
  kind text not null,
  value text not null,
  profile_lane smallint not null,
  profile_id uuid not null,
  constraint identity_kind_check CHECK ((kind = ANY (ARRAY['external_id'::text, 'alias'::text]))),
  constraint identity_pkey PRIMARY KEY (lane, workspace, kind, value)
);

create table journey (
  id uuid not null,
  workspace integer not null,
  key text not null,
  name text not null,
  status text not null default 'draft'::text,
  live_version integer,
  latest_version integer not null,
  stops jsonb not null default '[]'::jsonb,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  constraint journey_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'active'::text, 'stopped'::text, 'archived'::text]))),
  constraint journey_workspace_fkey FOREIGN KEY (workspace) REFERENCES workspace(id),
  constraint journey_pkey PRIMARY KEY (id),
  constraint journey_workspace_key_key UNIQUE (workspace, key)
);

create table journey_revision (
  one boolean not null default true,
  revision bigint not null default 0,
  constraint journey_revision_one_check CHECK (one),
  constraint journey_revision_pkey PRIMARY KEY (one)
);

create table journey_schedule (
  journey_id uuid not null,
  version integer not null,
  next_run_at timestamp with time zone,
  runs integer not null default 0,
  run_at timestamp with time zone,
  cursor_lane smallint,
  cursor_id uuid,
  constraint journey_schedule_journey_id_fkey FOREIGN KEY (journey_id) REFERENCES journey(id),
  constraint journey_schedule_pkey PRIMARY KEY (journey_id)
);

create table journey_version (
  journey_id uuid not null,
  version integer not null,
  definition json not null,
  created_at timestamp with time zone not null,
  launched_at timestamp with time zone,
  constraint journey_version_journey_id_fkey FOREIGN KEY (journey_id) REFERENCES journey(id),
  constraint journey_version_pkey PRIMARY KEY (journey_id, version)
);

create table migration (
  id integer not null default nextval('migration_id_seq'::regclass),
  timestamp bigint not null,
  name character varying not null,
  constraint PK_3043fc6b8af7c99b8b98830094f PRIMARY KEY (id)
);

create table profile (
  lane smallint not null,
  id uuid not null,
  workspace integer not null,
  external_id text,
  aliases jsonb not null default '[]'::jsonb,
  standard jsonb not null default '{}'::jsonb,
  custom jsonb not null default '{}'::jsonb,
  subscriptions jsonb not null default '{}'::jsonb,
  bucket smallint not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  constraint profile_pkey PRIMARY KEY (lane, id)
) with (fillfactor=85, autovacuum_vacuum_scale_factor=0.02);
CREATE INDEX profile_email ON public.profile USING btree (workspace, lower((standard ->> 'email'::text))) WHERE (standard ? 'email'::text);
CREATE INDEX profile_phone ON public.profile USING btree (workspace, ((standard ->> 'phone'::text))) WHERE (standard ? 'phone'::text);

create table refusal (
  journey_id uuid not null,
  at timestamp with time zone not null,
  lane smallint not null,
  profile_id uuid not null,
  reason text not null
) partition by RANGE (at);
CREATE INDEX refusal_journey ON ONLY public.refusal USING btree (journey_id, at);

create table signal (
  lane smallint not null,
  entry_id uuid not null,
  id uuid not null,
  body jsonb not null,
  constraint signal_pkey PRIMARY KEY (lane, entry_id, id)
) with (autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_cost_delay=0);
CREATE INDEX signal_order ON public.signal USING btree (id);

create table timer (
  wake_at timestamp with time zone not null,
  lane smallint not null,
  entry_id uuid not null
) with (autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_cost_delay=0);
CREATE INDEX timer_order ON public.timer USING btree (wake_at, lane, entry_id);

create table visit (
  lane smallint not null,
  entry_id uuid not null,
  at timestamp with time zone not null,
  trail text not null
) partition by RANGE (at);
CREATE INDEX visit_entry ON ONLY public.visit USING btree (lane, entry_id, at);

create table wait (
  lane smallint not null,
  profile_id uuid not null,
  entry_id uuid not null,
  kind text not null,
  topic text not null,
  journey_id uuid not null,
  version integer not null,
  step text,
  visit integer,
  since timestamp with time zone not null,
  constraint wait_kind_check CHECK ((kind = ANY (ARRAY['action'::text, 'exit'::text]))),
  constraint wait_pkey PRIMARY KEY (lane, profile_id, entry_id, kind, topic)
) with (autovacuum_vacuum_scale_factor=0.02);

create table workspace (
  id integer not null generated by default as identity,
  name text not null,
  timezone text not null default 'UTC'::text,
  created_at timestamp with time zone not null default now(),
  constraint workspace_pkey PRIMARY KEY (id)
);

CREATE OR REPLACE FUNCTION public.ensure_partitions(range_from timestamp with time zone, range_to timestamp with time zone)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
      declare
        parent text;
        week timestamptz;
        child text;
        made integer := 0;
      begin
        perform pg_advisory_xact_lock(hashtext('itinera.ensure_partitions'));
        foreach parent in array array['event', 'visit', 'refusal', 'delivery', 'attempt'] loop
          week := date_trunc('week', range_from at time zone 'UTC') at time zone 'UTC';
          while week < range_to loop
            child := parent || to_char(week at time zone 'UTC', '_YYYYMMDD');
            if to_regclass(child) is null then
              if parent in ('delivery', 'attempt') then
                execute format('create table %I partition of %I for values from (%L) to (%L)%s', child, parent,
                  id_floor(week), id_floor(week + interval '7 days'),
                  case parent when 'delivery'
                    then ' with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0)'
                    else '' end);
              else
                execute format('create table %I partition of %I for values from (%L) to (%L)', child, parent, week, week + interval '7 days');
              end if;
              made := made + 1;
            end if;
            week := week + interval '7 days';
          end loop;
        end loop;
        return made;
      end
      $function$;

CREATE OR REPLACE FUNCTION public.filter_day(at bigint, bare boolean, zone text, otherwise text)
 RETURNS date
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE
AS $function$
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
      $function$;

CREATE OR REPLACE FUNCTION public.filter_instant(value text)
 RETURNS bigint
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
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
      $function$;

CREATE OR REPLACE FUNCTION public.filter_same_day(day date, other date)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
        select to_char(day::timestamp, 'MMDD') = to_char(other::timestamp, 'MMDD')
          or (to_char(day::timestamp, 'MMDD') = '0229' and to_char(other::timestamp, 'MMDD') = '0301'
            and extract(day from other - 1) <> 29)
      $function$;

CREATE OR REPLACE FUNCTION public.id_floor(at timestamp with time zone)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE
AS $function$
        select (substr(hex, 1, 8) || '-' || substr(hex, 9, 4) || '-0000-0000-000000000000')::uuid
        from (select lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') as hex) as h
      $function$;
