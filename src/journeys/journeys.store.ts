import type { EntityManager } from 'typeorm';
import { JourneyVersionEntity } from '../persistence/entities/journey-version.entity.js';
import { JourneyEntity } from '../persistence/entities/journey.entity.js';
import type { JourneyStatus } from './transitions.js';

/** Everything of a version but its document. */
export type VersionHead = Pick<JourneyVersionEntity, 'version' | 'createdAt' | 'launchedAt'>;

export interface AuditEntry {
  readonly workspace: number;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly details: object;
}

/** By key or by id; a key that looks like an id wins. `lock`: until the transaction ends, so that changes of one journey queue up. */
export function findJourney(
  manager: EntityManager,
  workspace: number,
  keyOrId: string,
  lock = false,
): Promise<JourneyEntity | null> {
  const query = manager
    .createQueryBuilder(JourneyEntity, 'j')
    .where('j.workspace = :workspace and (j.key = :name or j.id::text = :name)', { workspace, name: keyOrId })
    .orderBy('j.key = :name', 'DESC')
    .limit(1);
  return (lock ? query.setLock('pessimistic_write') : query).getOne();
}

/** Newest first, those after the id `before`. */
export function listJourneys(
  manager: EntityManager,
  workspace: number,
  filter: { before: string | null; statuses: readonly JourneyStatus[]; limit: number },
): Promise<JourneyEntity[]> {
  const query = manager
    .createQueryBuilder(JourneyEntity, 'j')
    .where('j.workspace = :workspace and j.status in (:...statuses)', { workspace, statuses: filter.statuses })
    .orderBy('j.id', 'DESC')
    .limit(filter.limit);
  return (filter.before === null ? query : query.andWhere('j.id < :before', { before: filter.before })).getMany();
}

/** `false` when the key is taken. */
export async function insertJourney(manager: EntityManager, journey: JourneyEntity): Promise<boolean> {
  const added = await manager
    .createQueryBuilder()
    .insert()
    .into(JourneyEntity)
    .values(journey)
    .orIgnore()
    .returning('id')
    .execute();
  return (added.raw as unknown[]).length > 0;
}

/** Stores a version's document as the very text it was given as. */
export async function insertVersion(
  manager: EntityManager,
  journeyId: string,
  version: number,
  definition: string,
  now: number,
): Promise<void> {
  await manager.query(
    'insert into journey_version (journey_id, version, definition, created_at) values ($1, $2, $3::json, $4)',
    [journeyId, version, definition, new Date(now)],
  );
}

export async function updateJourney(
  manager: EntityManager,
  id: string,
  change: Partial<Pick<JourneyEntity, 'name' | 'status' | 'liveVersion' | 'latestVersion' | 'stops' | 'updatedAt'>>,
): Promise<void> {
  await manager.update(JourneyEntity, { id }, change);
}

/** The documents of versions, as text, by journey id. */
export async function readDefinitions(
  manager: EntityManager,
  versions: readonly { journeyId: string; version: number }[],
): Promise<Map<string, string>> {
  const rows: { journey_id: string; definition: string }[] = await manager.query(
    `select v.journey_id, v.definition::text as definition
     from unnest($1::uuid[], $2::integer[]) as wanted (journey_id, version) join journey_version v using (journey_id, version)`,
    [versions.map(({ journeyId }) => journeyId), versions.map(({ version }) => version)],
  );
  return new Map(rows.map((row) => [row.journey_id, row.definition]));
}

export async function readDefinitionText(
  manager: EntityManager,
  journeyId: string,
  version: number,
): Promise<string | undefined> {
  return (await readDefinitions(manager, [{ journeyId, version }])).get(journeyId);
}

/** Oldest first. */
export function readVersions(manager: EntityManager, journeyId: string): Promise<VersionHead[]> {
  return manager.find(JourneyVersionEntity, {
    select: { version: true, createdAt: true, launchedAt: true },
    where: { journeyId },
    order: { version: 'ASC' },
  });
}

/** Keeps the time of the first launch. */
export async function setLaunched(
  manager: EntityManager,
  journeyId: string,
  version: number,
  now: number,
): Promise<void> {
  await manager.query(
    'update journey_version set launched_at = coalesce(launched_at, $3) where journey_id = $1 and version = $2',
    [journeyId, version, new Date(now)],
  );
}

/** Tells every in-memory copy of what is live that it is old, from this transaction's commit on. Call it last: all changes queue up at this row. */
export async function bumpRevision(manager: EntityManager): Promise<void> {
  await manager.query('update journey_revision set revision = revision + 1');
}

export async function auditJourney(manager: EntityManager, entry: AuditEntry): Promise<void> {
  await manager.query(
    'insert into audit (workspace, at, actor, action, subject, details) values ($1, $2, $3, $4, $5, $6)',
    [entry.workspace, new Date(entry.now), entry.actor, entry.action, entry.subject, JSON.stringify(entry.details)],
  );
}

/** IANA zone of the workspace: what `"company"` means. */
export async function readWorkspaceZone(manager: EntityManager, workspace: number): Promise<string> {
  const rows: { timezone: string }[] = await manager.query('select timezone from workspace where id = $1', [workspace]);
  return rows[0]?.timezone ?? 'UTC';
}
