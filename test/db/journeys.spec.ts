import type { DataSource } from 'typeorm';
import { AppError } from '../../src/kernel/errors.js';
import { VirtualClock } from '../../src/kernel/clock.js';
import { createDataSource } from '../../src/persistence/data-source.js';
import { JourneyDraftsService } from '../../src/journeys/drafts.service.js';
import { toDocument } from '../../src/journeys/journey-document.js';
import { journeyJson } from '../../src/journeys/journey-out.js';
import { JourneysService } from '../../src/journeys/journeys.service.js';
import { JourneyLifecycleService } from '../../src/journeys/lifecycle.service.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

const START = Date.parse('2026-11-01T08:00:00Z');
const ACTOR = 'key:test';

let db: TestDatabase;
let dataSource: DataSource;
let clock: VirtualClock;
let drafts: JourneyDraftsService;
let journeys: JourneysService;
let lifecycle: JourneyLifecycleService;

beforeAll(async () => {
  db = await openTestDatabase();
  dataSource = await createDataSource(db.options).initialize();
  await db.database.query(
    `insert into workspace (id, name, timezone) values (1, 'one', 'Europe/Berlin'), (2, 'two', 'UTC')`,
  );
});

beforeEach(() => {
  clock = new VirtualClock(START);
  drafts = new JourneyDraftsService(dataSource, clock);
  journeys = new JourneysService(dataSource);
  lifecycle = new JourneyLifecycleService(dataSource, clock);
});

afterAll(async () => {
  await dataSource.destroy();
  await db.close();
});

function definition(key: string, extra: object = {}): object {
  return {
    schema: 1,
    key,
    name: `Journey ${key}`,
    entry: { trigger: { type: 'api' } },
    start: 'pause',
    steps: { pause: { type: 'delay', for: 'PT1H', next: 'done' }, done: { type: 'exit', reason: 'over' } },
    ...extra,
  };
}

function document(value: object) {
  const text = JSON.stringify(value);
  return toDocument(value, Buffer.from(text));
}

const create = (key: string, extra: object = {}) => drafts.create(1, document(definition(key, extra)), ACTOR);

async function refusal(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) throw new Error('expected a refusal', { cause: error });
  return error;
}

async function revision(): Promise<number> {
  const [row] = await db.database.query<{ revision: string }>('select revision from journey_revision');
  return Number(row!.revision);
}

async function schedule(id: string) {
  const [row] = await db.database.query<{ version: number; next_run_at: Date | null }>(
    'select version, next_run_at from journey_schedule where journey_id = $1',
    [id],
  );
  return row && { version: row.version, next: row.next_run_at?.toISOString() ?? null };
}

async function stops(id: string) {
  const [row] = await db.database.query<{ stops: unknown }>('select stops from journey where id = $1', [id]);
  return row!.stops;
}

describe('drafts', () => {
  it('a new journey is version 1, a draft', async () => {
    const out = await create('fresh');
    expect(out).toEqual({
      id: expect.any(String),
      key: 'fresh',
      status: 'draft',
      version: 1,
      live_version: null,
      warnings: expect.any(Array),
    });
  });

  it('what comes out is what went in: key order, integer-like keys, number spelling, white space', async () => {
    const text = `{
      "key": "lossless", "name": "Zoë \\u00e9", "schema": 1.0,
      "layout": { "z": { "y": 1.50, "x": 2e1 }, "10": { "x": 0, "y": 0 }, "2": { "x": 0, "y": 0 } },
      "entry": { "trigger": { "type": "api" } },
      "start": "done", "steps": { "done": { "type": "exit" } }
    }`;
    await drafts.create(1, toDocument(JSON.parse(text), Buffer.from(`\u{feff}${text}\n`)), ACTOR);
    const shown = await journeys.show(1, 'lossless');
    expect(shown.definition).toBe(text);
    expect(journeyJson(shown)).toContain(`"definition":${text}`);
    expect((JSON.parse(journeyJson(shown)) as { definition: unknown }).definition).toEqual(JSON.parse(text));
  });

  it('errors refuse it, all at once, with their places, and nothing is stored', async () => {
    const bad = definition('broken', { surprise: 1, start: 'nowhere' });
    const error = await refusal(drafts.create(1, document(bad), ACTOR));
    expect(error.code).toBe('journey_invalid');
    const paths = (error.details['issues'] as { path: string }[]).map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['/surprise']));
    expect((await refusal(journeys.show(1, 'broken'))).code).toBe('journey_unknown');
  });

  it('validate names the issues and stores nothing', async () => {
    expect(drafts.validate(document(definition('looked-at')))).toMatchObject({ valid: true });
    const { valid, issues } = drafts.validate(document({ ...definition('looked-at'), steps: 7 }));
    expect(valid).toBe(false);
    expect(issues).toContainEqual(expect.objectContaining({ path: '/steps', level: 'error' }));
    expect((await refusal(journeys.show(1, 'looked-at'))).code).toBe('journey_unknown');
  });

  it('a key is taken once per workspace, also when many ask for it at the same time', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => create('contested')));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'journey_key_taken' });
    await expect(drafts.create(2, document(definition('contested')), ACTOR)).resolves.toMatchObject({ version: 1 });
  });

  it('an edit is a new version; earlier ones stay as they were', async () => {
    await create('edited');
    const out = await drafts.put(1, 'edited', document(definition('edited', { name: 'Second' })), ACTOR, null);
    expect(out).toMatchObject({ key: 'edited', version: 2, status: 'draft', live_version: null });
    expect(JSON.parse((await journeys.show(1, 'edited', 1)).definition)).toMatchObject({ name: 'Journey edited' });
    const latest = await journeys.show(1, 'edited');
    expect(latest).toMatchObject({ name: 'Second', version: 2, latest_version: 2 });
    expect(latest.versions.map(({ version }) => version)).toEqual([1, 2]);
  });

  it('concurrent edits each get a number of their own', async () => {
    await create('busy');
    const outs = await Promise.all(
      Array.from({ length: 6 }, () => drafts.put(1, 'busy', document(definition('busy')), ACTOR, null)),
    );
    expect(outs.map(({ version }) => version).sort()).toEqual([2, 3, 4, 5, 6, 7]);
  });

  it('with an expected version, only one of two edits gets through', async () => {
    await create('guarded');
    const edits = await Promise.allSettled(
      [1, 2].map(() => drafts.put(1, 'guarded', document(definition('guarded')), ACTOR, 1)),
    );
    expect(edits.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(edits.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'version_mismatch' } });
  });

  it('the key of a journey cannot change', async () => {
    await create('constant');
    const error = await refusal(drafts.put(1, 'constant', document(definition('other')), ACTOR, null));
    expect(error).toMatchObject({
      code: 'journey_invalid',
      details: { issues: [{ path: '/key', code: 'key_changed' }] },
    });
  });

  it('a journey is found by key and by id, only in its own workspace, and an unknown one is refused by name', async () => {
    const { id } = await create('found');
    expect((await journeys.show(1, id)).key).toBe('found');
    expect((await refusal(journeys.show(2, id))).code).toBe('journey_unknown');
    expect((await refusal(journeys.show(1, 'found', 9))).code).toBe('version_unknown');
    expect((await refusal(drafts.put(1, 'nobody', document(definition('nobody')), ACTOR, null))).code).toBe(
      'journey_unknown',
    );
  });
});

describe('life cycle', () => {
  it('launch makes the latest version live, keeps an earlier one running until then, and says so in the audit', async () => {
    const { id } = await create('launched');
    const before = await revision();
    expect(await lifecycle.launch(1, 'launched', {}, ACTOR)).toMatchObject({
      status: 'active',
      version: 1,
      live_version: 1,
    });
    await drafts.put(1, 'launched', document(definition('launched')), ACTOR, null);
    expect(await journeys.show(1, 'launched')).toMatchObject({ status: 'active', live_version: 1, latest_version: 2 });
    expect(await lifecycle.launch(1, 'launched', {}, ACTOR)).toMatchObject({ version: 2, live_version: 2 });
    expect(await lifecycle.launch(1, 'launched', { version: 1, inFlight: 'stay' }, ACTOR)).toMatchObject({
      live_version: 1,
    });
    expect(await revision()).toBe(before + 3);
    const audit = await db.database.query<{ actor: string; action: string; details: object }>(
      'select actor, action, details from audit where subject = $1 order by id',
      [id],
    );
    expect(audit.map(({ action }) => action)).toEqual([
      'journey.create',
      'journey.launch',
      'journey.edit',
      'journey.launch',
      'journey.launch',
    ]);
    expect(audit[1]).toMatchObject({
      actor: ACTOR,
      details: { from: 'draft', to: 'active', version: 1, replaces: null },
    });
  });

  it('stop opens an interval, resume closes it; each bumps the revision', async () => {
    const { id } = await create('paused');
    await lifecycle.launch(1, 'paused', {}, ACTOR);
    const before = await revision();
    clock.advance(1_000);
    expect(await lifecycle.stop(1, 'paused', ACTOR)).toMatchObject({ status: 'stopped', live_version: 1 });
    expect(await stops(id)).toEqual([{ from: START + 1_000, to: null }]);
    clock.advance(1_000);
    expect(await lifecycle.resume(1, 'paused', ACTOR)).toMatchObject({ status: 'active' });
    expect(await stops(id)).toEqual([{ from: START + 1_000, to: START + 2_000 }]);
    expect(await revision()).toBe(before + 2);
  });

  it.each<[string, (key: string) => Promise<unknown>, string]>([
    ['stop a draft', (key) => lifecycle.stop(1, key, ACTOR), 'journey_not_launched'],
    ['resume a draft', (key) => lifecycle.resume(1, key, ACTOR), 'journey_not_launched'],
    [
      'launch a version that does not exist',
      (key) => lifecycle.launch(1, key, { version: 7 }, ACTOR),
      'version_unknown',
    ],
    ['move entries along', (key) => lifecycle.launch(1, key, { inFlight: 'move' }, ACTOR), 'in_flight_move_not_built'],
    ['stop a journey that is not there', () => lifecycle.stop(1, 'nobody', ACTOR), 'journey_unknown'],
  ])('refused: %s', async (name, change, code) => {
    const key = name.replaceAll(' ', '-');
    const { id } = await create(key);
    const before = await revision();
    expect((await refusal(change(key))).code).toBe(code);
    expect(await revision()).toBe(before);
    expect(await journeys.show(1, id)).toMatchObject({ status: 'draft', live_version: null });
  });

  it('launching what is live already does not fit; launching a stopped journey resumes it', async () => {
    const { id } = await create('twice');
    await lifecycle.launch(1, 'twice', {}, ACTOR);
    expect((await refusal(lifecycle.launch(1, 'twice', {}, ACTOR))).code).toBe('version_live');
    await lifecycle.stop(1, 'twice', ACTOR);
    expect((await refusal(lifecycle.stop(1, 'twice', ACTOR))).code).toBe('journey_stopped');
    clock.advance(10);
    await lifecycle.launch(1, 'twice', {}, ACTOR);
    expect(await stops(id)).toEqual([{ from: START, to: START + 10 }]);
    expect((await refusal(lifecycle.resume(1, 'twice', ACTOR))).code).toBe('journey_active');
  });

  it('an archived journey stays out of the list and takes no further change', async () => {
    const { id } = await create('gone');
    await lifecycle.launch(1, 'gone', {}, ACTOR);
    expect(await lifecycle.archive(1, 'gone', ACTOR)).toMatchObject({ status: 'archived' });
    expect(await stops(id)).toEqual([{ from: START, to: null }]);
    for (const change of [
      lifecycle.launch(1, 'gone', {}, ACTOR),
      lifecycle.stop(1, 'gone', ACTOR),
      lifecycle.resume(1, 'gone', ACTOR),
      lifecycle.archive(1, 'gone', ACTOR),
      drafts.put(1, 'gone', document(definition('gone')), ACTOR, null),
    ]) {
      expect((await refusal(change)).code).toBe('journey_archived');
    }
    const all = await journeys.list(1, { definitions: false }, { cursor: null, limit: 200 });
    expect(all.items.map(({ key }) => key)).not.toContain('gone');
    const archived = await journeys.list(
      1,
      { statuses: ['archived'], definitions: true },
      { cursor: null, limit: 200 },
    );
    expect(archived.items).toContainEqual(
      expect.objectContaining({ key: 'gone', definition: expect.stringContaining('"gone"') }),
    );
  });

  it('a version that the rules no longer allow is refused at launch', async () => {
    const { id } = await create('aged');
    await db.database.query(
      `update journey_version set definition = '{"schema":1,"key":"aged"}' where journey_id = $1`,
      [id],
    );
    const error = await refusal(lifecycle.launch(1, 'aged', {}, ACTOR));
    expect(error.code).toBe('journey_invalid');
    expect(await journeys.show(1, 'aged')).toMatchObject({ status: 'draft', live_version: null });
  });
});

describe('schedules', () => {
  const daily = (at: string) => ({ entry: { trigger: { type: 'schedule', at, repeat: { every: 'day' } } } });

  it('a launch sets the next run in the zone of the workspace, a new live version replaces it', async () => {
    const { id } = await create('daily', daily('2026-10-01T09:30'));
    expect(await schedule(id)).toBeUndefined();
    await lifecycle.launch(1, 'daily', {}, ACTOR);
    expect(await schedule(id)).toEqual({ version: 1, next: '2026-11-01T08:30:00.000Z' });
    await drafts.put(1, 'daily', document(definition('daily', daily('2026-10-01T18:00'))), ACTOR, null);
    expect(await schedule(id)).toEqual({ version: 1, next: '2026-11-01T08:30:00.000Z' });
    await lifecycle.launch(1, 'daily', {}, ACTOR);
    expect(await schedule(id)).toEqual({ version: 2, next: '2026-11-01T17:00:00.000Z' });
    await drafts.put(1, 'daily', document(definition('daily')), ACTOR, null);
    await lifecycle.launch(1, 'daily', {}, ACTOR);
    expect(await schedule(id)).toBeUndefined();
  });

  it('stop and archive clear it, resume reckons from now', async () => {
    const { id } = await create('nightly', daily('2026-10-01T23:00'));
    await lifecycle.launch(1, 'nightly', {}, ACTOR);
    await lifecycle.stop(1, 'nightly', ACTOR);
    expect(await schedule(id)).toEqual({ version: 1, next: null });
    clock.advance(3 * 86_400_000);
    await lifecycle.resume(1, 'nightly', ACTOR);
    expect(await schedule(id)).toEqual({ version: 1, next: '2026-11-04T22:00:00.000Z' });
    await lifecycle.archive(1, 'nightly', ACTOR);
    expect(await schedule(id)).toEqual({ version: 1, next: null });
  });

  it('a schedule without a run left is launched with a warning', async () => {
    await create('late', { entry: { trigger: { type: 'schedule', at: '2020-01-01T09:00' } } });
    const { warnings } = await lifecycle.launch(1, 'late', {}, ACTOR);
    expect(warnings).toContainEqual(
      expect.objectContaining({ path: '/entry/trigger', code: 'no_run_left', level: 'warning' }),
    );
  });
});

describe('lists', () => {
  it('page newest first, every journey once', async () => {
    for (const n of [1, 2, 3, 4, 5]) {
      clock.advance(1_000);
      await drafts.create(2, document(definition(`page-${n}`)), ACTOR);
    }
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<JourneysService['list']>> = await journeys.list(
        2,
        { definitions: false },
        { cursor, limit: 2 },
      );
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...page.items.map(({ key }) => key));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(seen.slice(0, 5)).toEqual(['page-5', 'page-4', 'page-3', 'page-2', 'page-1']);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('a cursor that is none is refused', async () => {
    expect((await refusal(journeys.list(1, { definitions: false }, { cursor: 'x', limit: 2 }))).code).toBe(
      'cursor_invalid',
    );
  });

  it('the machine of a version is JSON with a state per step', async () => {
    await create('drawn');
    const machine = await journeys.machine(1, 'drawn');
    expect(machine).toMatchObject({ states: { pause: expect.any(Object), done: expect.any(Object) } });
    expect(JSON.parse(JSON.stringify(machine))).toEqual(machine);
  });
});
