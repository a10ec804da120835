import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * ensure_partitions(from, to): makes the weekly partitions of every time-partitioned table that cover the range, if
 * they are missing. Each table also has a default partition, so that a row out of range is kept rather than refused.
 * Retention drops whole partitions.
 */
export class CreatePartitions1764000004000 implements MigrationInterface {
  readonly name = 'CreatePartitions1764000004000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create function id_floor(at timestamptz) returns uuid language sql immutable as $$
        select (substr(hex, 1, 8) || '-' || substr(hex, 9, 4) || '-0000-0000-000000000000')::uuid
        from (select lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') as hex) as h
      $$;

      create function ensure_partitions(range_from timestamptz, range_to timestamptz) returns integer language plpgsql as $$
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
      $$;

      create table event_default partition of event default;
      create table visit_default partition of visit default;
      create table refusal_default partition of refusal default;
      create table delivery_default partition of delivery default;
      create table attempt_default partition of attempt default;
      select ensure_partitions(now() - interval '7 days', now() + interval '28 days');
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop function ensure_partitions; drop function id_floor');
  }
}
