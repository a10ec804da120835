/**
 * API keys: who may call, for which workspace, and to do what. A key is 32 random bytes, shown once, kept only as its
 * SHA-256 (enough for a secret of full entropy; a slow hash would buy nothing and cost every request). Touches the tables
 * `api_key`, `workspace` (the first one) and `audit`. Keys looked up are remembered for a few seconds, so a revocation
 * holds at once in the process that made it and within `CACHE_MS` in the others. A crash loses at most a `last_used_at`.
 */
import { createHash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { DataSource } from 'typeorm';
import type { Clock } from '../kernel/clock.js';
import { AppError } from '../kernel/errors.js';
import { isId, newId } from '../kernel/ids.js';
import type { ApiKeyEntity } from '../persistence/entities/api-key.entity.js';
import {
  auditKey,
  ensureWorkspace,
  findValidKey,
  hasValidRootKey,
  insertKey,
  listKeys,
  lockFirstStart,
  makeKeyValid,
  revokeKey,
  touchKey,
  type NewApiKey,
} from './api-keys.store.js';
import { beyond, type ScopeName } from './scopes.js';

export const KEY_PREFIX = 'itn_';
/** Milliseconds for which a key that was found is not looked up again. */
export const CACHE_MS = 3_000;
const CACHED_KEYS = 10_000;
/** `last_used_at` is that coarse, so that a busy key does not write at every look-up. */
const TOUCH_MS = 60_000;
const FIRST_WORKSPACE = 1;
const KEY_LANE = 0;

/** Who calls: the outcome of authentication. */
export interface Caller {
  readonly workspace: number;
  /** `key:ID`: what audit rows name. */
  readonly actor: string;
  readonly scopes: readonly string[];
}

/** A key as the API shows it: never the secret. */
export interface ApiKeyOut {
  readonly id: string;
  readonly name: string;
  /** First characters of the secret, to recognise it by. */
  readonly hint: string;
  readonly scopes: readonly string[];
  readonly created_at: string;
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}

export class ApiKeysService {
  private readonly cache: LRUCache<string, Caller>;

  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
  ) {
    this.cache = new LRUCache({ max: CACHED_KEYS, ttl: CACHE_MS, ttlResolution: 0, perf: { now: () => clock.now() } });
  }

  /**
   * Makes workspace 1 and a root key (scope `*`) where there is none. `given` is a key chosen by the operator: it is made
   * valid, also when it had been revoked. Returns the key that was generated, which cannot be had again, or `null`.
   * Errors: `api_key_weak` when the given key is shorter than 16 characters or has blanks in it.
   */
  async ensureRootKey(given?: string): Promise<{ key: string | null }> {
    if (given !== undefined && !/^[\x21-\x7e]{16,200}$/.test(given)) {
      throw new AppError(
        'api_key_weak',
        'the root API key must be 16 to 200 printable ASCII characters without blanks',
      );
    }
    return this.dataSource.transaction(async (tx) => {
      await lockFirstStart(tx);
      await ensureWorkspace(tx, FIRST_WORKSPACE, 'default');
      if (given !== undefined) {
        await makeKeyValid(tx, this.newKey(given, FIRST_WORKSPACE, 'root (environment)', ['*']));
        return { key: null };
      }
      if (await hasValidRootKey(tx, FIRST_WORKSPACE)) return { key: null };
      const key = generateKey();
      await insertKey(tx, this.newKey(key, FIRST_WORKSPACE, 'root', ['*']));
      return { key };
    });
  }

  /** Whose key this is, or `null` when it is unknown or revoked. */
  async authenticate(key: string): Promise<Caller | null> {
    const hash = hashOf(key);
    const id = hash.toString('hex');
    const known = this.cache.get(id);
    if (known) return known;
    const row = await findValidKey(this.dataSource.manager, hash);
    if (!row) return null;
    const now = this.clock.now();
    if (row.lastUsedAt === null || now - row.lastUsedAt.getTime() >= TOUCH_MS)
      await touchKey(this.dataSource.manager, row.id, now);
    const caller: Caller = { workspace: row.workspace, actor: `key:${row.id}`, scopes: row.scopes };
    this.cache.set(id, caller);
    return caller;
  }

  async list(
    workspace: number,
    page: { cursor: string | null; limit: number },
  ): Promise<{ items: ApiKeyOut[]; next_cursor: string | null }> {
    if (page.cursor !== null && !isId(page.cursor))
      throw new AppError('cursor_invalid', 'not a cursor of this list', { parameter: 'cursor' });
    const rows = await listKeys(this.dataSource.manager, workspace, page.cursor, page.limit + 1);
    const items = rows.slice(0, page.limit).map(toOut);
    return { items, next_cursor: rows.length > page.limit ? items.at(-1)!.id : null };
  }

  /**
   * A new key; the secret is in the answer and nowhere else. Errors: `scope_beyond_own` when the caller asks for a scope
   * it does not hold itself.
   */
  async create(
    caller: Caller,
    input: { name: string; scopes: readonly ScopeName[] },
  ): Promise<ApiKeyOut & { key: string }> {
    const excess = beyond(caller.scopes, input.scopes);
    if (excess.length > 0) {
      throw new AppError(
        'scope_beyond_own',
        `this key cannot give away scopes it does not have: ${excess.join(', ')}`,
        { scopes: excess },
      );
    }
    const key = generateKey();
    const fresh = this.newKey(key, caller.workspace, input.name, [...new Set(input.scopes)]);
    await this.dataSource.transaction(async (tx) => {
      await insertKey(tx, fresh);
      await auditKey(tx, {
        workspace: caller.workspace,
        now: fresh.createdAt.getTime(),
        actor: caller.actor,
        action: 'key.create',
        subject: fresh.id,
        details: { name: fresh.name, scopes: fresh.scopes },
      });
    });
    return { ...toOut({ ...fresh, lastUsedAt: null, revokedAt: null }), key };
  }

  /** Revokes a key; doing so twice changes nothing. Errors: `api_key_unknown`. */
  async revoke(caller: Caller, id: string): Promise<void> {
    const now = this.clock.now();
    const hash = isId(id)
      ? await this.dataSource.transaction(async (tx) => {
          const revoked = await revokeKey(tx, caller.workspace, id, now);
          if (revoked !== null) {
            await auditKey(tx, {
              workspace: caller.workspace,
              now,
              actor: caller.actor,
              action: 'key.revoke',
              subject: id,
              details: {},
            });
          }
          return revoked;
        })
      : null;
    if (hash === null) throw new AppError('api_key_unknown', `there is no API key ${id}`);
    this.cache.delete(hash.toString('hex'));
  }

  private newKey(key: string, workspace: number, name: string, scopes: string[]): NewApiKey {
    const now = this.clock.now();
    const hint = `${key.slice(0, key.startsWith(KEY_PREFIX) ? 8 : 4)}…`;
    return { id: newId(KEY_LANE, now), workspace, name, hash: hashOf(key), hint, scopes, createdAt: new Date(now) };
  }
}

function generateKey(): string {
  return KEY_PREFIX + randomBytes(32).toString('base64url');
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

function toOut(key: ApiKeyEntity): ApiKeyOut {
  return {
    id: key.id,
    name: key.name,
    hint: key.hint,
    scopes: key.scopes,
    created_at: key.createdAt.toISOString(),
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
    revoked_at: key.revokedAt?.toISOString() ?? null,
  };
}
