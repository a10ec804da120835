import { apiJourney, DAY, HOUR, World, WORKSPACE } from '../support/world.js';

const END = { end: { type: 'exit', reason: 'end' } };

describe('the entry gate', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    await world.tell(...Array.from({ length: 40 }, (_, i) => ({ external_id: `u${i}`, attributes: { n: i } })));
  });
  afterAll(() => world.close());

  const ask = async (journey: string, external_id: string, context = {}): Promise<string> => {
    const { results } = await world.entries.enter(WORKSPACE, journey, [{ external_id, context }]);
    return results[0]!.entered ? 'entered' : results[0]!.reason;
  };

  it('lets a profile in once ever by default', async () => {
    await world.launch({ ...apiJourney('once', END), entry: { trigger: { type: 'api' } } });
    expect(await ask('once', 'u0')).toBe('entered');
    world.clock.advance(400 * DAY);
    expect(await ask('once', 'u0')).toBe('reentry');
  });

  it('counts re-entry in seconds from the last entry', async () => {
    await world.launch({ ...apiJourney('daily', END), entry: { trigger: { type: 'api' }, reentry: { after: 'P1D' } } });
    expect(await ask('daily', 'u0')).toBe('entered');
    world.clock.advance(DAY - 1000);
    expect(await ask('daily', 'u0')).toBe('reentry');
    world.clock.advance(1000);
    expect(await ask('daily', 'u0')).toBe('entered');
  });

  it('makes one entry of two triggers within one second, and two of two that are further apart', async () => {
    await world.launch(apiJourney('second', END));
    expect(await ask('second', 'u0')).toBe('entered');
    world.clock.advance(300);
    expect(await ask('second', 'u0')).toBe('same_second');
    world.clock.advance(1200);
    expect(await ask('second', 'u0')).toBe('entered');
  });

  it('lets one in per re-entry key, several at once', async () => {
    await world.launch({
      ...apiJourney('per-order', END),
      entry: { trigger: { type: 'api' }, reentry: { key: '{{context.${order}}}' } },
    });
    expect(await ask('per-order', 'u0', { order: 'A' })).toBe('entered');
    expect(await ask('per-order', 'u0', { order: 'B' })).toBe('entered');
    world.clock.advance(DAY);
    expect(await ask('per-order', 'u0', { order: 'A' })).toBe('reentry');
    expect(await ask('per-order', 'u0', {})).toBe('reentry_key');
  });

  it('waits for the longest way through when re-entry is after max_duration', async () => {
    const steps = { a: { type: 'delay', for: 'P2D', next: 'end' }, ...END };
    await world.launch({
      ...apiJourney('max', steps),
      entry: { trigger: { type: 'api' }, reentry: { after: 'max_duration' } },
    });
    expect(await ask('max', 'u0')).toBe('entered');
    world.clock.advance(2 * DAY - 1);
    expect(await ask('max', 'u0')).toBe('reentry');
    world.clock.advance(1);
    expect(await ask('max', 'u0')).toBe('entered');
  });

  it('holds a limit however many ask at once, and opens again in the next UTC hour', async () => {
    world.clock.set(Date.parse('2027-03-01T10:59:00Z'));
    await world.launch({
      ...apiJourney('limited', END),
      entry: { trigger: { type: 'api' }, reentry: { after: 'PT0S' }, limit: { max: 5, per: 'hour' } },
    });
    const asked = await Promise.all(Array.from({ length: 20 }, (_, i) => ask('limited', `u${i}`)));
    expect(asked.filter((answer) => answer === 'entered')).toHaveLength(5);
    expect(asked.filter((answer) => answer === 'limit')).toHaveLength(15);
    world.clock.set(Date.parse('2027-03-01T11:00:00Z'));
    expect(await ask('limited', 'u39')).toBe('entered');
  });

  it('holds once-ever however many ask at once', async () => {
    await world.launch({ ...apiJourney('race', END), entry: { trigger: { type: 'api' } } });
    const asked = await Promise.all(Array.from({ length: 12 }, () => ask('race', 'u7')));
    expect(asked.filter((answer) => answer === 'entered')).toHaveLength(1);
  });

  it('refuses whom the audience leaves out, whom nobody knows, and everybody while the journey is not live', async () => {
    await world.launch({
      ...apiJourney('some', END),
      entry: { trigger: { type: 'api' }, audience: { attribute: 'n', op: 'less_than', value: 10 } },
    });
    expect(await ask('some', 'u3')).toBe('entered');
    expect(await ask('some', 'u30')).toBe('audience');
    expect(await ask('some', 'nobody')).toBe('unknown_profile');
    await world.lifecycle.stop(WORKSPACE, 'some', 'test');
    expect(await ask('some', 'u4')).toBe('not_live');
    await expect(ask('no-such-journey', 'u4')).rejects.toMatchObject({ code: 'journey_unknown' });
  });

  it('keeps each refusal with its reason', async () => {
    const rows = await world.database.query<{ reason: string }>(
      `select r.reason from refusal r join journey j on j.id = r.journey_id where j.key = 'limited'`,
    );
    expect(rows).toHaveLength(15);
    expect(new Set(rows.map(({ reason }) => reason))).toEqual(new Set(['limit']));
  });

  it('enters the audience of a schedule at its run, once per profile and run, and again at the next', async () => {
    world.clock.set(Date.parse('2027-05-03T08:00:00Z'));
    const entry = {
      trigger: { type: 'schedule', at: '2027-05-03T09:00', repeat: { every: 'day', count: 2 } },
      audience: { attribute: 'n', op: 'greater_than_or_equal_to', value: 30 },
      reentry: { after: 'PT0S' },
    };
    const id = await world.launch({
      ...apiJourney('scheduled', { wait: { type: 'delay', for: 'P9D', next: 'end' }, ...END }),
      entry,
    });
    const entered = async (): Promise<number> =>
      (
        await world.database.query<{ n: number }>('select count(*)::int as n from entry where journey_id = $1', [id])
      )[0]!.n;
    await world.scheduled.runDue();
    expect(await entered()).toBe(0);
    world.clock.set(Date.parse('2027-05-03T09:00:00Z'));
    await Promise.all([world.scheduled.runDue(), world.scheduled.runDue()]);
    await world.scheduled.runDue();
    expect(await entered()).toBe(10);
    world.clock.set(Date.parse('2027-05-04T09:00:00Z') + HOUR);
    await world.scheduled.runDue();
    expect(await entered()).toBe(20);
    world.clock.advance(30 * DAY);
    await world.scheduled.runDue();
    expect(await entered()).toBe(20);
  });
});
