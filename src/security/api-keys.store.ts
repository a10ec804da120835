import { IsNull, LessThan, type EntityManager } from 'typeorm';
import { ApiKeyEntity } from '../persistence/entities/api-key.entity.js';

export interface NewApiKey {
  readonly id: string;
  readonly workspace: number;
  readonly name: string;
  readonly hash: Buffer;
  readonly hint: string;
  readonly scopes: string[];
  readonly createdAt: Date;
}

export interface AuditEntry {
  readonly workspace: number;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly details: object;
}

export function findValidKey(manager: EntityManager, hash: Buffer): Promise<ApiKeyEntity | null> {
  return manager.findOneBy(ApiKeyEntity, { hash, revokedAt: IsNull() });
}

export async function touchKey(manager: EntityManager, id: string, now: number): Promise<void> {
  await manager.update(ApiKeyEntity, { id }, { lastUsedAt: new Date(now) });
}

/** Newest first, revoked ones included; those after `before`. */
export function listKeys(
  manager: EntityManager,
  workspace: number,
  before: string | null,
  limit: number,
): Promise<ApiKeyEntity[]> {
  const where = before === null ? { workspace } : { workspace, id: LessThan(before) };
  return manager.find(ApiKeyEntity, { where, order: { id: 'DESC' }, take: limit });
}

export async function insertKey(manager: EntityManager, key: NewApiKey): Promise<void> {
  await manager.insert(ApiKeyEntity, key);
}

/** Inserts the key, or gives it back its rights when it is known already. */
export async function makeKeyValid(manager: EntityManager, key: NewApiKey): Promise<void> {
  await manager.query(
    `insert into api_key (id, workspace, name, hash, hint, scopes, created_at) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (hash) do update set workspace = excluded.workspace, scopes = excluded.scopes, revoked_at = null
     where (api_key.workspace, api_key.scopes) <> (excluded.workspace, excluded.scopes) or api_key.revoked_at is not null`,
    [key.id, key.workspace, key.name, key.hash, key.hint, key.scopes, key.createdAt],
  );
}

/** The hash of the key, which is now revoked; `null` when the workspace has no such key. */
export async function revokeKey(
  manager: EntityManager,
  workspace: number,
  id: string,
  now: number,
): Promise<Buffer | null> {
  await manager.update(ApiKeyEntity, { workspace, id, revokedAt: IsNull() }, { revokedAt: new Date(now) });
  return (await manager.findOneBy(ApiKeyEntity, { workspace, id }))?.hash ?? null;
}

/** Only one process at a time makes the first workspace and its key; held until the transaction ends. */
export async function lockFirstStart(manager: EntityManager): Promise<void> {
  await manager.query(`select pg_advisory_xact_lock(hashtext('itinera.first_start'))`);
}

export async function ensureWorkspace(manager: EntityManager, id: number, name: string): Promise<void> {
  const added: unknown[] = await manager.query(
    'insert into workspace (id, name) values ($1, $2) on conflict (id) do nothing returning id',
    [id, name],
  );
  // The row was numbered by hand: the sequence must not give the same number again.
  if (added.length > 0)
    await manager.query(`select setval(pg_get_serial_sequence('workspace', 'id'), (select max(id) from workspace))`);
}

export async function hasValidRootKey(manager: EntityManager, workspace: number): Promise<boolean> {
  const rows: unknown[] = await manager.query(
    `select 1 from api_key where workspace = $1 and revoked_at is null and '*' = any(scopes) limit 1`,
    [workspace],
  );
  return rows.length > 0;
}

export async function auditKey(manager: EntityManager, entry: AuditEntry): Promise<void> {
  await manager.query(
    'insert into audit (workspace, at, actor, action, subject, details) values ($1, $2, $3, $4, $5, $6)',
    [entry.workspace, new Date(entry.now), entry.actor, entry.action, entry.subject, JSON.stringify(entry.details)],
  );
}
