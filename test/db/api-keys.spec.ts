import { createHash } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { VirtualClock } from '../../src/kernel/clock.js';
import { createDataSource } from '../../src/persistence/data-source.js';
import { ApiKeysService, CACHE_MS, type Caller } from '../../src/security/api-keys.service.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

let db: TestDatabase;
let dataSource: DataSource;
let clock: VirtualClock;
let keys: ApiKeysService;

beforeAll(async () => {
  db = await openTestDatabase();
  dataSource = await createDataSource(db.options).initialize();
});

beforeEach(async () => {
  await db.database.query('truncate api_key, workspace, audit cascade');
  clock = new VirtualClock(Date.parse('2026-11-01T08:00:00Z'));
  keys = new ApiKeysService(dataSource, clock);
});

afterAll(async () => {
  await dataSource.destroy();
  await db.close();
});

async function root(): Promise<{ key: string; caller: Caller }> {
  const { key } = await keys.ensureRootKey();
  return { key: key!, caller: (await keys.authenticate(key!))! };
}

const page = { cursor: null, limit: 50 };

describe('the root key', () => {
  it('is made once, with the first workspace, and may do everything', async () => {
    const { key } = await keys.ensureRootKey();
    expect(key).toMatch(/^itn_[A-Za-z0-9_-]{43}$/);
    expect(await keys.authenticate(key!)).toMatchObject({
      workspace: 1,
      scopes: ['*'],
      actor: expect.stringMatching(/^key:/),
    });
    expect(await keys.ensureRootKey()).toEqual({ key: null });
    expect(await db.database.query('select id, name from workspace')).toEqual([{ id: 1, name: 'default' }]);
  });

  it('is made once when several processes start at the same moment', async () => {
    const others = Array.from({ length: 5 }, () => new ApiKeysService(dataSource, clock));
    const made = await Promise.all(others.map((other) => other.ensureRootKey()));
    expect(made.filter(({ key }) => key !== null)).toHaveLength(1);
    expect(await db.database.query('select 1 from api_key')).toHaveLength(1);
  });

  it('a key from the environment is made valid, as often as it is given, and again after it was revoked', async () => {
    const given = 'a-key-chosen-by-me-0123456789';
    expect(await keys.ensureRootKey(given)).toEqual({ key: null });
    expect(await keys.ensureRootKey(given)).toEqual({ key: null });
    const caller = (await keys.authenticate(given))!;
    expect(caller.scopes).toEqual(['*']);
    await keys.revoke(caller, caller.actor.slice('key:'.length));
    expect(await keys.authenticate(given)).toBeNull();
    await keys.ensureRootKey(given);
    expect(await keys.authenticate(given)).toMatchObject({ workspace: 1 });
  });

  it('a key that is easily guessed is refused', async () => {
    await expect(keys.ensureRootKey('secret')).rejects.toMatchObject({ code: 'api_key_weak' });
  });

  it('a workspace added later gets a number of its own', async () => {
    await keys.ensureRootKey();
    expect(await db.database.query(`insert into workspace (name) values ('next') returning id > 1 as ok`)).toEqual([
      { ok: true },
    ]);
  });
});

describe('keys', () => {
  it('only the hash of a key is kept', async () => {
    const { key } = await root();
    const [row] = await db.database.query<{ hash: Buffer }>('select * from api_key');
    expect(row!.hash).toEqual(createHash('sha256').update(key).digest());
    expect(JSON.stringify(row)).not.toContain(key);
  });

  it('a new key is shown once, then only what it can be recognised by', async () => {
    const { caller } = await root();
    clock.advance(1);
    const made = await keys.create(caller, { name: 'CI', scopes: ['journeys.read', 'users.track', 'journeys.read'] });
    expect(made).toMatchObject({ name: 'CI', scopes: ['journeys.read', 'users.track'], revoked_at: null });
    expect(await keys.authenticate(made.key)).toMatchObject({ workspace: 1, scopes: ['journeys.read', 'users.track'] });
    const { items } = await keys.list(1, page);
    expect(items.map(({ name }) => name)).toEqual(['CI', 'root']);
    expect(JSON.stringify(items)).not.toContain(made.key);
    expect(made.key.startsWith(items[0]!.hint.replace('…', ''))).toBe(true);
  });

  it('nobody gives away scopes they lack', async () => {
    const { caller } = await root();
    const limited = await keys.create(caller, { name: 'limited', scopes: ['keys.write', 'journeys.read'] });
    const self = (await keys.authenticate(limited.key))!;
    await expect(keys.create(self, { name: 'more', scopes: ['journeys.read', '*'] })).rejects.toMatchObject({
      code: 'scope_beyond_own',
      details: { scopes: ['*'] },
    });
    await expect(keys.create(self, { name: 'same', scopes: ['journeys.read'] })).resolves.toMatchObject({
      name: 'same',
    });
  });

  it('a revocation holds at once here and within seconds in other processes', async () => {
    const { caller } = await root();
    const other = new ApiKeysService(dataSource, clock);
    clock.advance(1);
    const made = await keys.create(caller, { name: 'short', scopes: ['ingest'] });
    expect(await other.authenticate(made.key)).not.toBeNull();
    expect(await keys.authenticate(made.key)).not.toBeNull();
    await keys.revoke(caller, made.id);
    expect(await keys.authenticate(made.key)).toBeNull();
    clock.advance(CACHE_MS + 1);
    expect(await other.authenticate(made.key)).toBeNull();
    await keys.revoke(caller, made.id);
    const { items } = await keys.list(1, page);
    expect(items[0]).toMatchObject({ name: 'short', revoked_at: '2026-11-01T08:00:00.001Z' });
  });

  it('unknown keys are nobody, unknown ids and those of other workspaces are refused', async () => {
    const { caller } = await root();
    expect(await keys.authenticate('itn_nonsense')).toBeNull();
    expect(await keys.authenticate('')).toBeNull();
    await expect(keys.revoke(caller, 'nonsense')).rejects.toMatchObject({ code: 'api_key_unknown' });
    const made = await keys.create(caller, { name: 'mine', scopes: ['ingest'] });
    await expect(keys.revoke({ ...caller, workspace: 2 }, made.id)).rejects.toMatchObject({ code: 'api_key_unknown' });
    expect(await keys.authenticate(made.key)).not.toBeNull();
  });

  it('remembers when a key was last used, to the minute', async () => {
    const { caller, key } = await root();
    const used = async () => (await keys.list(1, page)).items[0]!.last_used_at;
    expect(await used()).toBe('2026-11-01T08:00:00.000Z');
    clock.advance(30_000);
    await keys.authenticate(key);
    expect(await used()).toBe('2026-11-01T08:00:00.000Z');
    clock.advance(31_000);
    await keys.authenticate(key);
    expect(await used()).toBe('2026-11-01T08:01:01.000Z');
    expect(caller.workspace).toBe(1);
  });

  it('making and revoking are in the audit, without the secret', async () => {
    const { caller } = await root();
    const made = await keys.create(caller, { name: 'seen', scopes: ['ingest'] });
    await keys.revoke(caller, made.id);
    const audit = await db.database.query<{ action: string; actor: string; subject: string }>(
      'select * from audit order by id',
    );
    expect(audit.map(({ action, actor, subject }) => [action, actor, subject])).toEqual([
      ['key.create', caller.actor, made.id],
      ['key.revoke', caller.actor, made.id],
    ]);
    expect(JSON.stringify(audit)).not.toContain(made.key);
  });

  it('pages newest first', async () => {
    const { caller } = await root();
    for (const name of ['a', 'b', 'c']) {
      clock.advance(1_000);
      await keys.create(caller, { name, scopes: ['ingest'] });
    }
    const first = await keys.list(1, { cursor: null, limit: 3 });
    expect(first.items.map(({ name }) => name)).toEqual(['c', 'b', 'a']);
    const second = await keys.list(1, { cursor: first.next_cursor, limit: 3 });
    expect(second).toMatchObject({ items: [{ name: 'root' }], next_cursor: null });
    await expect(keys.list(1, { cursor: 'nonsense', limit: 3 })).rejects.toMatchObject({ code: 'cursor_invalid' });
  });
});
