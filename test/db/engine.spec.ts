import { Tick } from '../../src/engine/tick.js';
import { JourneyCatalog } from '../../src/journeys/catalog.js';
import type { JsonObject } from '../../src/kernel/json.js';
import { apiJourney, DAY, HOUR, World, WORKSPACE } from '../support/world.js';

const hook = (url: string, next: string | null, more: JsonObject = {}): JsonObject => ({
  type: 'webhook',
  request: { method: 'POST', url, body: { json: { user: '{{${user_id}}}' } } },
  ...more,
  next,
});

function withoutNext({ next: _next, ...step }: JsonObject): JsonObject {
  return step;
}

describe('the tick', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    await world.tell(...['ann', 'ben', 'cat'].map((external_id) => ({ external_id, attributes: { plan: 'pro' } })));
  });
  afterAll(() => world.close());

  it('takes an entry through delays when they are due, not before, and writes the timeline', async () => {
    await world.launch(
      apiJourney('delays', {
        a: { type: 'delay', for: 'PT1H', next: 'b' },
        b: { type: 'delay', for: 'P1D', next: 'end' },
        end: { type: 'exit', reason: 'done' },
      }),
    );
    const id = await world.enter('delays', 'ann');
    await world.settle();
    await world.pass(HOUR - 1);
    expect(await world.show(id)).toMatchObject({ status: 'active', step: 'a' });
    await world.pass(1);
    expect(await world.show(id)).toMatchObject({
      status: 'active',
      step: 'b',
      wake_at: new Date(world.clock.now() + DAY).toISOString(),
    });
    await world.pass(DAY);
    expect(await world.show(id)).toMatchObject({ status: 'exited', reason: 'done', wake_at: null });
    expect(await world.path(id)).toEqual(['a:next', 'b:next']);
  });

  it('runs through steps that do not wait in one go', async () => {
    await world.launch(
      apiJourney('through', {
        set: { type: 'context', set: [{ name: 'n', type: 'number', value: '{{ 1 | plus: 1 }}' }], next: 'split' },
        split: { type: 'decision_split', if: { context: 'n', op: 'equals', value: 2 }, yes: 'paths', no: null },
        paths: {
          type: 'audience_paths',
          paths: [
            { name: 'free', if: { attribute: 'plan', op: 'equals', value: 'free' }, next: null },
            { name: 'pro', if: { attribute: 'plan', op: 'equals', value: 'pro' }, next: 'end' },
          ],
          everyone_else: null,
        },
        end: { type: 'exit', reason: 'pro' },
      }),
    );
    const id = await world.enter('through', 'ann');
    expect((await world.tick.run(world.clock.now(), 10)).advanced).toBe(1);
    expect(await world.show(id)).toMatchObject({ status: 'exited', reason: 'pro', context: { n: 2 } });
    expect(await world.path(id)).toEqual(['set:next', 'split:yes', 'paths:path_1']);
  });

  it('goes on after a webhook once it was attempted, and not before', async () => {
    await world.launch(
      apiJourney('attempt', { send: hook('http://a.example/x', 'end'), end: { type: 'exit', reason: 'sent' } }),
    );
    const id = await world.enter('attempt', 'ben');
    await world.settle();
    expect(await world.show(id)).toMatchObject({ status: 'active', step: 'send' });
    await world.answer('attempted');
    expect(await world.show(id)).toMatchObject({ status: 'exited', reason: 'sent' });
  });

  it('waits for the result, captures it, and ignores what comes late', async () => {
    await world.launch(
      apiJourney('result', {
        send: {
          ...withoutNext(hook('http://a.example/x', null)),
          advance: 'result',
          capture: { letter: '/id' },
          on: { success: 'good', failure: 'bad', timeout: 'late' },
        },
        good: { type: 'exit', reason: 'good' },
        bad: { type: 'exit', reason: 'bad' },
        late: { type: 'delay', for: 'P1D', next: 'good' },
      }),
    );
    const [good, bad, late] = [
      await world.enter('result', 'ann'),
      await world.enter('result', 'ben'),
      await world.enter('result', 'cat'),
    ];
    await world.settle();
    const deliveries = (await world.deliveries()).filter(({ entry_id }) => [good, bad].includes(entry_id));
    expect(deliveries).toHaveLength(2);
    const rest = (await world.deliveries()).find(({ entry_id }) => entry_id === late)!;
    await world.database.query(`update delivery set status = 'held' where id <> $1 and status = 'due'`, [
      deliveries.find((d) => d.entry_id === good)!.id,
    ]);
    await world.answer('delivered', { letter: 'L1' });
    expect(await world.show(good)).toMatchObject({ reason: 'good', context: { letter: 'L1' } });
    await world.database.query(`update delivery set status = 'due' where id = $1`, [
      deliveries.find((d) => d.entry_id === bad)!.id,
    ]);
    await world.answer('failed');
    expect(await world.show(bad)).toMatchObject({ status: 'exited', reason: 'bad' });
    await world.pass(DAY);
    expect(await world.show(late)).toMatchObject({ status: 'active', step: 'late' });
    await world.database.query(`update delivery set status = 'due' where id = $1`, [rest.id]);
    await world.answer('delivered', { letter: 'L2' });
    expect(await world.show(late)).toMatchObject({ status: 'active', step: 'late', context: {} });
  });

  it('parks an entry whose webhook failed without a failure path, and lets it go on when told to', async () => {
    await world.launch(
      apiJourney('parks', {
        send: { ...hook('http://a.example/x', 'end'), advance: 'result' },
        end: { type: 'exit', reason: 'went on' },
      }),
    );
    const id = await world.enter('parks', 'ann');
    await world.settle();
    await world.answer('failed');
    expect(await world.show(id)).toMatchObject({ status: 'parked', step: 'send' });
    await world.entries.continueParked(WORKSPACE, id);
    await world.settle();
    expect(await world.show(id)).toMatchObject({ status: 'exited', reason: 'went on' });
    await expect(world.entries.continueParked(WORKSPACE, id)).rejects.toMatchObject({ code: 'entry_state' });
  });

  it('shows the next step what a user update has written', async () => {
    await world.launch(
      apiJourney('update', {
        write: { type: 'user_update', set: { seen: '{{context.${word}}}' }, increment: { visits: 2 }, next: 'split' },
        split: {
          type: 'decision_split',
          if: {
            all: [
              { attribute: 'seen', op: 'equals', value: 'yes' },
              { attribute: 'visits', op: 'equals', value: 2 },
            ],
          },
          yes: 'end',
          no: null,
        },
        end: { type: 'exit', reason: 'saw it' },
      }),
    );
    await world.tell({ external_id: 'dora', attributes: {} });
    const id = await world.enter('update', 'dora', { word: 'yes' });
    await world.settle();
    expect(await world.show(id)).toMatchObject({ reason: 'saw it' });
    const [profile] = await world.database.query<{ custom: object }>(
      `select custom from profile where external_id = 'dora'`,
    );
    expect(profile?.custom).toEqual({ seen: 'yes', visits: 2 });
  });

  it('keeps an entry whose step the database refuses as errored, takes it up again on retry, and leaves its batch unharmed', async () => {
    await world.launch(
      apiJourney('poison', {
        set: {
          type: 'context',
          set: [{ name: 'x', type: 'string', value: '{{context.${raw} | url_decode}}' }],
          next: 'end',
        },
        end: { type: 'exit', reason: 'fine' },
      }),
    );
    const bad = await world.enter('poison', 'ann', { raw: 'a%00b' });
    const good = [await world.enter('poison', 'ben', { raw: 'x' }), await world.enter('poison', 'cat', { raw: 'y' })];
    await world.settle();
    expect(await world.show(bad)).toMatchObject({
      status: 'errored',
      reason: 'data_refused',
      error: { code: 'data_refused' },
    });
    for (const id of good) expect(await world.show(id)).toMatchObject({ status: 'exited', reason: 'fine' });
    expect((await world.show(bad)).timeline.some(({ what }) => what === 'errored')).toBe(true);

    await world.database.query(`update entry set context = '{"raw": "mended"}' where id = $1`, [bad]);
    await world.entries.retry(WORKSPACE, bad);
    await world.settle();
    expect(await world.show(bad)).toMatchObject({ status: 'exited', reason: 'fine', error: null });
    await expect(world.entries.retry(WORKSPACE, bad)).rejects.toMatchObject({ code: 'entry_not_errored' });
  });

  it('strands the entries of a version that does not compile any more, and nobody else', async () => {
    const steps: JsonObject = {
      wait: { type: 'delay', for: 'PT1H', next: 'end' },
      end: { type: 'exit', reason: 'end' },
    };
    const broken = await world.launch(apiJourney('broken', steps));
    await world.launch(apiJourney('sound', steps));
    const [bad, good] = [await world.enter('broken', 'ann'), await world.enter('sound', 'ann')];
    await world.settle();
    await world.database.query(`update journey_version set definition = '{"steps": 3}' where journey_id = $1`, [
      broken,
    ]);
    // Another process, which has not compiled it before.
    const tick = new Tick(world.database, new JourneyCatalog(), world.reactions);
    world.clock.advance(HOUR);
    await tick.run(world.clock.now(), 100);
    expect(await world.show(bad)).toMatchObject({ status: 'errored', reason: 'version_broken' });
    expect(await world.show(good)).toMatchObject({ status: 'exited', reason: 'end' });
  });

  it('takes one user out at once and cancels what was not attempted', async () => {
    await world.launch(
      apiJourney('taken-out', {
        send: hook('http://a.example/x', 'wait'),
        wait: { type: 'delay', for: 'P1D', next: 'end' },
        end: { type: 'exit', reason: 'end' },
      }),
    );
    const id = await world.enter('taken-out', 'cat');
    await world.settle();
    await world.entries.exit(WORKSPACE, id, 'support');
    await world.settle();
    expect(await world.show(id)).toMatchObject({ status: 'exited', reason: 'support' });
    expect((await world.deliveries()).find(({ entry_id }) => entry_id === id)).toMatchObject({
      status: 'cancelled',
      reason: 'entry_exited',
    });
    await expect(world.entries.exit(WORKSPACE, id)).rejects.toMatchObject({ code: 'entry_state' });
  });

  it('advances an entry once although its timer is there twice', async () => {
    const steps: JsonObject = {
      wait: { type: 'delay', for: 'PT1H', next: 'send' },
      send: hook('http://a.example/twice', null),
    };
    await world.launch(apiJourney('twice', steps));
    const id = await world.enter('twice', 'ann');
    await world.settle();
    await world.database.query('insert into timer select * from timer where entry_id = $1', [id]);
    await world.pass(HOUR);
    expect((await world.deliveries()).filter(({ entry_id }) => entry_id === id)).toHaveLength(1);
    expect(await world.path(id)).toEqual(['wait:next']);
  });

  it('never advances an entry twice, with several workers on the same entries', async () => {
    await world.launch(
      apiJourney('crowd', {
        a: { type: 'delay', for: 'PT1H', next: 'b' },
        b: { type: 'delay', for: 'PT1H', next: 'c' },
        c: { type: 'delay', for: 'PT1H', next: 'end' },
        end: { type: 'exit', reason: 'end' },
      }),
    );
    const users = Array.from({ length: 600 }, (_, i) => ({ external_id: `crowd-${i}` }));
    await world.tell(...users.map((user) => ({ ...user, attributes: {} })));
    await world.entries.enter(WORKSPACE, 'crowd', users);
    await world.settle();
    for (let round = 0; round < 3; round++) {
      world.clock.advance(HOUR);
      const worker = async (): Promise<number> => {
        let advanced = 0;
        for (let idle = 0; idle < 3;) {
          const result = await world.tick.run(world.clock.now(), 50);
          advanced += result.advanced;
          idle = result.advanced === 0 ? idle + 1 : 0;
        }
        return advanced;
      };
      const each = await Promise.all([worker(), worker(), worker(), worker()]);
      expect(each.reduce((sum, n) => sum + n, 0)).toBe(600);
    }
    const [count] = await world.database.query<{ visits: number; ended: number }>(
      `select (select count(*)::int from visit v join entry e on e.lane = v.lane and e.id = v.entry_id join journey j on j.id = e.journey_id where j.key = 'crowd') as visits,
         (select count(*)::int from entry e join journey j on j.id = e.journey_id where j.key = 'crowd' and e.status = 'exited') as ended`,
    );
    expect(count).toEqual({ visits: 600 * 4, ended: 600 });
  });
});
