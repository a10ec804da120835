import { Drive, journeyOf, NOON, profileOf } from '../spec-facts.js';

function run(fields: object, context = {}): Drive {
  const journey = journeyOf({ u: { type: 'user_update', next: null, ...fields } });
  return new Drive(journey, { context, profile: profileOf({ custom: { points: 1 } }) }).start();
}

describe('a user_update', () => {
  it('is a /users/track attributes object', () => {
    const drive = run(
      {
        set: {
          plan: '{{context.${plan}}}',
          vip: true,
          nested: { city: '{{context.${city}}}' },
          n: '{{context.${n} | json}}',
        },
        remove: ['old'],
        increment: { points: 5, visits: '{{context.${n}}}' },
        add: { tags: ['a', '{{context.${plan}}}'], one: 'x' },
        subtract: { gone: ['b'] },
      },
      { plan: 'pro', city: 'Oslo', n: 3 },
    );
    expect(drive.effects).toEqual([
      {
        kind: 'attributes',
        step: 'u',
        attributes: {
          plan: 'pro',
          vip: true,
          nested: { city: 'Oslo' },
          n: 3,
          old: null,
          points: { inc: 5 },
          visits: { inc: 3 },
          tags: { add: ['a', 'pro'] },
          one: { add: ['x'] },
          gone: { remove: ['b'] },
        },
      },
    ]);
    expect(drive.status).toBe('completed');
  });

  it('records events and purchases, in the future never', () => {
    const drive = run({
      events: [
        { name: 'did', properties: { by: '{{${first_name}}}' } },
        { name: 'later', time: '2099-01-01T00:00:00Z' },
        { name: 'odd', time: 'soon' },
      ],
      purchases: [
        { product_id: 'p', currency: 'eur', price: '9.5', quantity: 2, time: '2026-01-01T00:00:00Z' },
        { product_id: 'q', currency: 'EUR', price: 'free' },
      ],
    });
    expect(drive.effects).toEqual([
      { kind: 'event', step: 'u', name: 'did', at: NOON, properties: { by: 'Ada' } },
      { kind: 'event', step: 'u', name: 'later', at: NOON, properties: {} },
      {
        kind: 'purchase',
        step: 'u',
        productId: 'p',
        at: Date.UTC(2026, 0, 1),
        currency: 'EUR',
        price: 9.5,
        quantity: 2,
        properties: {},
      },
    ]);
    expect(drive.trail.find(({ what }) => what === 'went')!.why).toMatch(/event odd.*purchase q/);
  });

  it('does nothing of it when one value aborts, and the user goes on', () => {
    const drive = run({ set: { a: 1, b: "{% abort_message('not him') %}" } });
    expect([drive.effects, drive.status]).toEqual([[], 'completed']);
    expect(drive.trail.find(({ what }) => what === 'went')!.why).toContain('not him');
  });

  it('leaves out an increment that is no number', () => {
    const drive = run({ set: { a: 1 }, increment: { points: '{{context.${x}}}' } }, { x: 'many' });
    expect(drive.profile.custom).toEqual({ points: 1, a: 1 });
  });
});
