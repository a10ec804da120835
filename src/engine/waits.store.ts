import { plainArray, textArray } from '../persistence/arrays.js';
import { statement, type Transaction } from '../persistence/database.js';
import type { JsonObject } from '../kernel/json.js';

/** Somebody who listens: an entry in an Action Paths step, or one that leaves when something happens. */
export interface WaitRow {
  readonly lane: number;
  readonly profile_id: string;
  readonly entry_id: string;
  readonly kind: 'action' | 'exit';
  readonly topic: string;
  readonly journey_id: string;
  readonly version: number;
  readonly step: string | null;
  readonly visit: number | null;
  readonly context: JsonObject;
}

// The earliest waiting entry comes first: of several entries of one profile in one step, an action moves only that one.
const FIND = statement(
  'waits.find',
  `select w.lane, w.profile_id, w.entry_id, w.kind, w.topic, w.journey_id, w.version, w.step, w.visit, e.context
   from unnest($1::smallint[], $2::uuid[]) as p (lane, profile_id)
   join wait w on w.lane = p.lane and w.profile_id = p.profile_id
   join entry e on e.lane = w.lane and e.id = w.entry_id
   where w.topic = any($3::text[])
   order by w.since, w.entry_id`,
);

/** Waits of these profiles (whose locks are held) for these topics, the earliest first. */
export function findWaits(
  tx: Transaction,
  profiles: readonly { lane: number; profileId: string }[],
  topics: readonly string[],
): Promise<WaitRow[]> {
  return tx.query<WaitRow>(FIND, [
    plainArray(profiles.map((p) => p.lane)),
    plainArray(profiles.map((p) => p.profileId)),
    textArray(topics),
  ]);
}

const TAKE = statement(
  'waits.take',
  `delete from wait w using unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[]) as t (lane, profile_id, entry_id, kind)
   where w.lane = t.lane and w.profile_id = t.profile_id and w.entry_id = t.entry_id and w.kind = t.kind`,
);

/** Ends the waits that were met, so that a later happening does not meet them again. */
export async function takeWaits(tx: Transaction, waits: readonly WaitRow[]): Promise<void> {
  if (waits.length === 0) return;
  await tx.query(TAKE, [
    plainArray(waits.map((w) => w.lane)),
    plainArray(waits.map((w) => w.profile_id)),
    plainArray(waits.map((w) => w.entry_id)),
    plainArray(waits.map((w) => w.kind)),
  ]);
}
