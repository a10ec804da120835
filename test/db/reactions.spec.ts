import { apiJourney, DAY, HOUR, World, WORKSPACE } from '../support/world.js';

const exit = (reason: string): object => ({ type: 'exit', reason });

describe('events, waits and exits', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
  });
  afterAll(() => world.close());

  const eventJourney = (
    key: string,
    event: string,
    steps: object,
    entry: object = {},
    more: object = {},
  ): Parameters<World['launch']>[0] => ({
    ...apiJourney(key, steps as never),
    entry: { trigger: { type: 'event', on: [{ event }] }, ...entry },
    ...more,
  });

  const entriesOf = async (
    journey: string,
  ): Promise<
    { id: string; status: string; reason: string | null; step: string | null; external_id: string | null }[]
  > => (await world.entries.list(WORKSPACE, { journey }, { cursor: null, limit: 100 })).items;

  it('lets a profile in by an event, with its properties as context, and attributes of the same request in force', async () => {
    const on = [{ event: 'bought', where: { property: 'total', op: 'greater_than', value: 20 } }];
    await world.launch(
      eventJourney(
        'by-event',
        'bought',
        { end: exit('end') },
        { trigger: { type: 'event', on }, audience: { attribute: 'plan', op: 'equals', value: 'pro' } },
      ),
    );
    await world.tell(
      { external_id: 'e1', attributes: { plan: 'pro' }, event: 'bought', properties: { total: 30, sku: 'X' } },
      { external_id: 'e2', attributes: { plan: 'pro' }, event: 'bought', properties: { total: 10 } },
      { external_id: 'e3', attributes: { plan: 'free' }, event: 'bought', properties: { total: 30 } },
    );
    const entries = await entriesOf('by-event');
    expect(entries.map(({ external_id }) => external_id)).toEqual(['e1']);
    expect(await world.show(entries[0]!.id)).toMatchObject({ context: { total: 30, sku: 'X' } });
  });

  it('evaluates the audience before the trigger’s own effects', async () => {
    const audience = { event: 'visited', op: 'at_least', count: 1 };
    await world.launch(eventJourney('second-visit', 'visited', { end: exit('end') }, { audience }));
    await world.tell({ external_id: 'v1', event: 'visited' });
    expect(await entriesOf('second-visit')).toHaveLength(0);
    world.clock.advance(5000);
    await world.tell({ external_id: 'v1', event: 'visited' });
    expect(await entriesOf('second-visit')).toHaveLength(1);
    // Two in one request: the second sees the first.
    await world.tell({ external_id: 'v2', event: 'visited' }, { external_id: 'v2', event: 'visited' });
    expect((await entriesOf('second-visit')).map(({ external_id }) => external_id).sort()).toEqual(['v1', 'v2']);
  });

  it('moves an Action Paths step by the first action after arrival, and at the end of its window to everyone else', async () => {
    await world.launch(
      apiJourney('actions', {
        first: { type: 'delay', for: 'PT1H', next: 'choose' },
        choose: {
          type: 'action_paths',
          window: 'P1D',
          paths: [
            { name: 'Bought', on: [{ event: 'purchased' }], next: 'bought' },
            { name: 'Called', on: [{ event: 'called' }], next: 'called' },
          ],
          everyone_else: 'nothing',
        },
        bought: exit('bought') as never,
        called: exit('called') as never,
        nothing: exit('nothing') as never,
      }),
    );
    await world.tell({ external_id: 'a1', attributes: {} }, { external_id: 'a2', attributes: {} });
    const [one, two] = [await world.enter('actions', 'a1'), await world.enter('actions', 'a2')];
    await world.settle();
    // Before arrival it does not count.
    await world.tell({ external_id: 'a1', event: 'purchased' });
    await world.pass(HOUR);
    expect(await world.show(one)).toMatchObject({ step: 'choose', status: 'active' });
    world.clock.advance(HOUR);
    await world.tell({ external_id: 'a1', event: 'called' });
    await world.settle();
    expect(await world.show(one)).toMatchObject({ status: 'exited', reason: 'called' });
    await world.pass(DAY);
    expect(await world.show(two)).toMatchObject({ status: 'exited', reason: 'nothing' });
    expect(await world.database.query('select 1 from wait')).toHaveLength(0);
  });

  it('advances only the earliest of two entries that wait for one action', async () => {
    await world.launch(
      apiJourney('two-waiting', {
        choose: {
          type: 'action_paths',
          window: 'P1D',
          paths: [{ name: 'Did', on: [{ event: 'did' }], next: 'did' }],
          everyone_else: 'not',
        },
        did: exit('did') as never,
        not: exit('not') as never,
      }),
    );
    await world.tell({ external_id: 'w1', attributes: {} });
    const early = await world.enter('two-waiting', 'w1');
    await world.pass(HOUR);
    const late = await world.enter('two-waiting', 'w1');
    await world.settle();
    await world.tell({ external_id: 'w1', event: 'did' });
    await world.settle();
    expect(await world.show(early)).toMatchObject({ reason: 'did' });
    expect(await world.show(late)).toMatchObject({ status: 'active', step: 'choose' });
    await world.pass(DAY);
    expect(await world.show(late)).toMatchObject({ reason: 'not' });
  });

  it('tells entries apart by their context when an action is filtered by it', async () => {
    const where = { property: 'cart', op: 'equals', value: '{{context.${cart}}}' };
    await world.launch(
      apiJourney(
        'carts',
        {
          choose: {
            type: 'action_paths',
            window: 'P1D',
            paths: [{ name: 'Out', on: [{ event: 'checked_out', where }], next: 'out' }],
            everyone_else: 'left',
          },
          out: exit('out') as never,
          left: exit('left') as never,
        },
        { entry: { trigger: { type: 'api' }, reentry: { key: '{{context.${cart}}}' } } },
      ),
    );
    await world.tell({ external_id: 'c1', attributes: {} });
    const [a, b] = [await world.enter('carts', 'c1', { cart: 'A' }), await world.enter('carts', 'c1', { cart: 'B' })];
    await world.settle();
    await world.tell({ external_id: 'c1', event: 'checked_out', properties: { cart: 'B' } });
    await world.settle();
    expect(await world.show(b)).toMatchObject({ reason: 'out' });
    expect(await world.show(a)).toMatchObject({ status: 'active' });
  });

  it('exits at once by an event, or at the end of the step when the mode says so', async () => {
    const steps = { wait: { type: 'delay', for: 'P30D', next: 'end' }, end: exit('end') };
    for (const mode of ['immediate', 'step_end']) {
      await world.launch(
        apiJourney(`leaves-${mode.replace('_', '-')}`, steps as never, {
          exit: { when: [{ event: 'unsubscribed' }], mode },
        }),
      );
    }
    await world.tell({ external_id: 'x1', attributes: {} });
    const [now, later] = [await world.enter('leaves-immediate', 'x1'), await world.enter('leaves-step-end', 'x1')];
    await world.settle();
    await world.pass(DAY);
    await world.tell({ external_id: 'x1', event: 'unsubscribed' });
    await world.settle();
    expect(await world.show(now)).toMatchObject({ status: 'exited', reason: 'performed_event' });
    expect(await world.show(later)).toMatchObject({ status: 'active', step: 'wait' });
    await world.pass(29 * DAY);
    expect(await world.show(later)).toMatchObject({ status: 'exited', reason: 'performed_event' });
  });

  it('exits at once when an attribute change puts the user into the audience to leave', async () => {
    await world.launch(
      apiJourney(
        'leaves-by-audience',
        { wait: { type: 'delay', for: 'P30D', next: 'end' }, end: exit('end') as never },
        { exit: { when: [{ audience: { attribute: 'plan', op: 'equals', value: 'pro' } }] } },
      ),
    );
    await world.tell({ external_id: 'x2', attributes: { plan: 'free' } });
    const id = await world.enter('leaves-by-audience', 'x2');
    await world.settle();
    await world.tell({ external_id: 'x2', attributes: { plan: 'pro' } });
    await world.settle();
    expect(await world.show(id)).toMatchObject({ status: 'exited', reason: 'matched_audience' });
  });

  it('lets a user update trigger another journey', async () => {
    await world.launch(eventJourney('second', 'from_update', { end: exit('end') }));
    await world.launch(
      apiJourney('first', {
        write: {
          type: 'user_update',
          events: [{ name: 'from_update', properties: { n: '{{context.${n} | json}}' } }],
          next: null,
        },
      }),
    );
    await world.tell({ external_id: 't1', attributes: {} });
    await world.enter('first', 't1', { n: 7 });
    await world.settle();
    const [entry] = await entriesOf('second');
    expect(await world.show(entry!.id)).toMatchObject({ external_id: 't1', context: { n: 7 }, status: 'exited' });
  });

  it('stops and resumes by Braze’s rule: due later goes on, due meanwhile leaves', async () => {
    const steps = { wait: { type: 'delay', for: 'PT31M', next: 'end' }, end: exit('end') };
    world.clock.set(Date.parse('2027-01-10T14:30:00Z'));
    for (const key of ['resumed-soon', 'resumed-late']) await world.launch(apiJourney(key, steps as never));
    await world.tell({ external_id: 's1', attributes: {} });
    const [soon, late] = [await world.enter('resumed-soon', 's1'), await world.enter('resumed-late', 's1')];
    await world.settle();
    for (const key of ['resumed-soon', 'resumed-late']) await world.lifecycle.stop(WORKSPACE, key, 'test');
    world.clock.set(Date.parse('2027-01-10T14:40:00Z'));
    await world.lifecycle.resume(WORKSPACE, 'resumed-soon', 'test');
    await world.settle();
    // No worker looks between 15:01 and 15:30: the rule holds all the same.
    world.clock.set(Date.parse('2027-01-10T15:30:00Z'));
    await world.lifecycle.resume(WORKSPACE, 'resumed-late', 'test');
    await world.settle();
    expect(await world.show(soon)).toMatchObject({ status: 'exited', reason: 'end' });
    expect(await world.show(late)).toMatchObject({ status: 'exited', reason: 'journey_stopped' });
  });

  it('loses no action while entries arrive in the step and events come in at the same time', async () => {
    await world.launch(
      apiJourney('busy', {
        choose: {
          type: 'action_paths',
          window: 'P1D',
          paths: [{ name: 'Did', on: [{ event: 'acted' }], next: 'did' }],
          everyone_else: 'not',
        },
        did: exit('did') as never,
        not: exit('not') as never,
      }),
    );
    const users = Array.from({ length: 200 }, (_, i) => `busy-${i}`);
    await world.tell(...users.map((external_id) => ({ external_id, attributes: {} })));
    await world.entries.enter(
      WORKSPACE,
      'busy',
      users.map((external_id) => ({ external_id })),
    );
    // Every user acts twice: once while entries are arriving, once certainly afterwards.
    const act = async (): Promise<void> => {
      for (let from = 0; from < users.length; from += 20)
        await world.tell(...users.slice(from, from + 20).map((external_id) => ({ external_id, event: 'acted' })));
    };
    await Promise.all([world.settle(), act(), world.settle()]);
    await world.settle();
    await act();
    await world.settle();
    const entries = (await world.entries.list(WORKSPACE, { journey: 'busy' }, { cursor: null, limit: 500 })).items;
    expect(entries).toHaveLength(200);
    expect(entries.filter(({ reason }) => reason === 'did')).toHaveLength(200);
    expect(await world.database.query('select 1 from signal')).toHaveLength(0);
  });
});
