import { plainArray, textArray, timeArray } from '../persistence/arrays.js';
import { statement, type Sql, type Transaction } from '../persistence/database.js';

/**
 * What is counted: `entered` `refused` `completed` `exited` `errored` per journey (step '', path = reason), and per step
 * `entered`, `went` (path = way out), `exited` (path = reason), `parked`, `errored`, `webhook` (path = sent | error | retry).
 */
export interface CounterDelta {
  readonly journeyId: string;
  readonly version: number;
  readonly step: string;
  readonly what: string;
  readonly path: string;
  readonly n: number;
}

type Sum = { -readonly [K in keyof CounterDelta]: CounterDelta[K] };
export type AddCounter = (step: string, what: string, path: string, n?: number) => void;

/** Sums deltas in memory so that a batch appends one row per counter, never one per entry. */
export class CounterSum {
  private readonly versions = new Map<string, Map<string, Sum>>();
  private readonly adders = new Map<string, AddCounter>();

  /** Adds to the counters of one version. */
  of(journeyId: string, version: number): AddCounter {
    const id = `${journeyId} ${version}`;
    let adder = this.adders.get(id);
    if (!adder) {
      const sums = new Map<string, Sum>();
      this.versions.set(id, sums);
      adder = (step, what, path, n = 1) => {
        const key = `${step} ${what} ${path}`;
        const known = sums.get(key);
        if (known) known.n += n;
        else sums.set(key, { journeyId, version, step, what, path, n });
      };
      this.adders.set(id, adder);
    }
    return adder;
  }

  get deltas(): readonly CounterDelta[] {
    return [...this.versions.values()].flatMap((sums) => [...sums.values()]);
  }
}

const APPEND = statement(
  'counters.append',
  `insert into counter_delta (journey_id, version, step, what, path, hour, n)
   select journey_id, version, step, what, path, hour, n
   from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::bigint[])
     as d (journey_id, version, step, what, path, hour, n)`,
);

/** Appends the deltas of a batch, in the hour of `now`. */
export async function appendCounters(tx: Transaction, deltas: readonly CounterDelta[], now: number): Promise<void> {
  if (deltas.length === 0) return;
  const hour = now - (now % 3_600_000);
  await tx.query(APPEND, [
    plainArray(deltas.map((d) => d.journeyId)),
    plainArray(deltas.map((d) => d.version)),
    textArray(deltas.map((d) => d.step)),
    textArray(deltas.map((d) => d.what)),
    textArray(deltas.map((d) => d.path)),
    timeArray(deltas.map(() => hour)),
    plainArray(deltas.map((d) => d.n)),
  ]);
}

// One statement takes the deltas away and adds them up, so that no reader ever sees one counted twice or not at all.
const FOLD = statement(
  'counters.fold',
  `with taken as (
     delete from counter_delta where id in (select id from counter_delta order by id limit $1 for update skip locked)
     returning journey_id, version, step, what, path, hour, n
   )
   insert into counter as c (journey_id, version, step, what, path, hour, n)
   select journey_id, version, step, what, path, hour, sum(n) from taken group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
   on conflict (journey_id, version, step, what, path, hour) do update set n = c.n + excluded.n`,
);

/** Folds appended deltas into the counters. */
export async function foldCounters(sql: Sql, atMost = 50_000): Promise<void> {
  await sql.query(FOLD, [atMost]);
}

const READ = statement(
  'counters.read',
  `select version, step, what, path, sum(n)::float8 as n
   from (select version, step, what, path, hour, n from counter where journey_id = $1
         union all
         select version, step, what, path, hour, n from counter_delta where journey_id = $1) as all_of_them
   where ($2::timestamptz is null or hour >= $2) and ($3::timestamptz is null or hour < $3)
   group by version, step, what, path`,
);

export interface CounterRow {
  readonly version: number;
  readonly step: string;
  readonly what: string;
  readonly path: string;
  readonly n: number;
}

export function readCounters(sql: Sql, journeyId: string, from: Date | null, to: Date | null): Promise<CounterRow[]> {
  return sql.query<CounterRow>(READ, [journeyId, from, to]);
}

const SERIES = statement(
  'counters.series',
  `select date_trunc($4, hour at time zone 'UTC') at time zone 'UTC' as at, what, path, sum(n)::float8 as n
   from (select what, path, hour, n, step from counter where journey_id = $1
         union all
         select what, path, hour, n, step from counter_delta where journey_id = $1) as all_of_them
   where step = '' and ($2::timestamptz is null or hour >= $2) and ($3::timestamptz is null or hour < $3)
   group by 1, 2, 3 order by 1`,
);

export function readSeries(
  sql: Sql,
  journeyId: string,
  from: Date | null,
  to: Date | null,
  interval: 'hour' | 'day' | 'week' | 'month',
): Promise<{ at: Date; what: string; path: string; n: number }[]> {
  return sql.query(SERIES, [journeyId, from, to, interval]);
}
