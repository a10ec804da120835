import { plainArray, textArray, timeArray } from '../persistence/arrays.js';
import { statement, type Sql, type Transaction } from '../persistence/database.js';
import { insertTimers } from './timers.store.js';

export interface AdmissionKey {
  readonly lane: number;
  readonly profileId: string;
  readonly journeyId: string;
  readonly key: string;
}

export interface NewEntry extends AdmissionKey {
  readonly id: string;
  readonly workspace: number;
  readonly version: number;
  readonly variant: string | null;
  readonly enteredAt: number;
  /** JSON text. */
  readonly context: string;
  readonly exitTopics: readonly string[];
}

const LAST = statement(
  'gate.last',
  `select a.lane, a.profile_id, a.journey_id, a.key, extract(epoch from a.entered_at)::float8 * 1000 as entered_at
   from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[]) as k (lane, profile_id, journey_id, key)
   join admission a using (lane, profile_id, journey_id, key)`,
);

/** Last entries of the given keys, keyed by `profileId journeyId key`. The caller holds the profiles' locks. */
export async function readLastEntries(sql: Sql, keys: readonly AdmissionKey[]): Promise<Map<string, number>> {
  const rows = await sql.query<{ profile_id: string; journey_id: string; key: string; entered_at: number }>(LAST, [
    plainArray(keys.map((k) => k.lane)),
    plainArray(keys.map((k) => k.profileId)),
    plainArray(keys.map((k) => k.journeyId)),
    textArray(keys.map((k) => k.key)),
  ]);
  return new Map(rows.map((row) => [admissionId(row.profile_id, row.journey_id, row.key), row.entered_at]));
}

export function admissionId(profileId: string, journeyId: string, key: string): string {
  return `${profileId} ${journeyId} ${key}`;
}

const OPEN_SLOTS = statement(
  'gate.open_slots',
  `insert into admission_limit (journey_id, slot, used)
   select journey_id, slot, 0 from unnest($1::uuid[], $2::text[]) as s (journey_id, slot)
   on conflict do nothing`,
);
const LOCK_SLOTS = statement(
  'gate.lock_slots',
  `select l.journey_id, l.slot, l.used from admission_limit l
   where (l.journey_id, l.slot) in (select * from unnest($1::uuid[], $2::text[]))
   order by l.journey_id, l.slot for update`,
);
const USE_SLOTS = statement(
  'gate.use_slots',
  `update admission_limit l set used = u.used
   from unnest($1::uuid[], $2::text[], $3::integer[]) as u (journey_id, slot, used)
   where l.journey_id = u.journey_id and l.slot = u.slot`,
);

/** Locks the limit windows of journeys, creating them as needed, and returns what each has used: `journeyId slot` → n. */
export async function lockLimits(
  tx: Transaction,
  slots: readonly { journeyId: string; slot: string }[],
): Promise<Map<string, number>> {
  const values = [plainArray(slots.map((s) => s.journeyId)), textArray(slots.map((s) => s.slot))];
  await tx.query(OPEN_SLOTS, values);
  const rows = await tx.query<{ journey_id: string; slot: string; used: number }>(LOCK_SLOTS, values);
  return new Map(rows.map((row) => [`${row.journey_id} ${row.slot}`, row.used]));
}

export async function saveLimits(
  tx: Transaction,
  used: readonly { journeyId: string; slot: string; used: number }[],
): Promise<void> {
  await tx.query(USE_SLOTS, [
    plainArray(used.map((u) => u.journeyId)),
    textArray(used.map((u) => u.slot)),
    plainArray(used.map((u) => u.used)),
  ]);
}

// Two entries of one key in one batch cannot reach this: the gate refuses the second within the same second.
const ADMIT = statement(
  'gate.admit',
  `insert into admission as a (lane, profile_id, journey_id, key, entry_id, entered_at, variant)
   select * from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::timestamptz[], $7::text[])
   on conflict (lane, profile_id, journey_id, key) do update
     set entry_id = excluded.entry_id, entered_at = excluded.entered_at, variant = excluded.variant, entries = a.entries + 1`,
);
const INSERT = statement(
  'gate.insert',
  `insert into entry (lane, id, workspace, journey_id, version, profile_id, variant, arrived_at, wake_at, context, entered_at)
   select lane, id, workspace, journey_id, version, profile_id, variant, entered_at, $10::timestamptz, context, entered_at
   from unnest($1::smallint[], $2::uuid[], $3::integer[], $4::uuid[], $5::integer[], $6::uuid[], $7::text[], $8::timestamptz[], $9::jsonb[])
     as n (lane, id, workspace, journey_id, version, profile_id, variant, entered_at, context)`,
);
const LISTEN_FOR_EXIT = statement(
  'gate.listen_for_exit',
  `insert into wait (lane, profile_id, entry_id, kind, topic, journey_id, version, since)
   select lane, profile_id, entry_id, 'exit', topic, journey_id, version, $7::timestamptz
   from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::integer[])
     as n (lane, profile_id, entry_id, topic, journey_id, version)`,
);

/** Writes admissions, entries and what they leave by. New entries are due at `now`. */
export async function insertEntries(tx: Transaction, entries: readonly NewEntry[], now: number): Promise<void> {
  const lanes = plainArray(entries.map((e) => e.lane));
  const ids = plainArray(entries.map((e) => e.id));
  const profiles = plainArray(entries.map((e) => e.profileId));
  const journeys = plainArray(entries.map((e) => e.journeyId));
  const entered = timeArray(entries.map((e) => e.enteredAt));
  const variants = textArray(entries.map((e) => e.variant));
  await tx.query(ADMIT, [lanes, profiles, journeys, textArray(entries.map((e) => e.key)), ids, entered, variants]);
  await tx.query(INSERT, [
    lanes,
    ids,
    plainArray(entries.map((e) => e.workspace)),
    journeys,
    plainArray(entries.map((e) => e.version)),
    profiles,
    variants,
    entered,
    textArray(entries.map((e) => e.context)),
    new Date(now),
  ]);
  await insertTimers(
    tx,
    entries.map(({ lane, id }) => ({ lane, id, at: now })),
  );
  const exits = entries.flatMap((entry) => entry.exitTopics.map((topic) => ({ entry, topic })));
  if (exits.length === 0) return;
  await tx.query(LISTEN_FOR_EXIT, [
    plainArray(exits.map((x) => x.entry.lane)),
    plainArray(exits.map((x) => x.entry.profileId)),
    plainArray(exits.map((x) => x.entry.id)),
    textArray(exits.map((x) => x.topic)),
    plainArray(exits.map((x) => x.entry.journeyId)),
    plainArray(exits.map((x) => x.entry.version)),
    new Date(now),
  ]);
}

const REFUSE = statement(
  'gate.refuse',
  `insert into refusal (journey_id, at, lane, profile_id, reason)
   select journey_id, $5::timestamptz, lane, profile_id, reason
   from unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::text[]) as r (journey_id, lane, profile_id, reason)`,
);

export async function insertRefusals(
  tx: Transaction,
  refusals: readonly { journeyId: string; lane: number; profileId: string; reason: string }[],
  now: number,
): Promise<void> {
  await tx.query(REFUSE, [
    plainArray(refusals.map((r) => r.journeyId)),
    plainArray(refusals.map((r) => r.lane)),
    plainArray(refusals.map((r) => r.profileId)),
    textArray(refusals.map((r) => r.reason)),
    new Date(now),
  ]);
}
