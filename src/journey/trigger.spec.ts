import { subjectOf, NOON, profileOf } from './spec-facts.js';
import { matches, topicsOf, type Trigger, type TriggerHappening } from './trigger.js';

const event = (name: string, properties = {}): TriggerHappening => ({ kind: 'event', name, properties });
const change = (
  name: string,
  from: unknown,
  to: unknown,
  kind: 'attribute' | 'subscription' = 'attribute',
): TriggerHappening =>
  ({ kind: 'attributes', name: '', properties: {}, changed: [{ kind, name, from, to }] }) as TriggerHappening;
const does = (trigger: Trigger, happening: TriggerHappening, subject = subjectOf()): boolean =>
  matches(trigger, happening, subject, NOON);

describe('a trigger', () => {
  it('has the topics its happenings are looked up under', () => {
    expect(topicsOf({ event: 'signed_up' })).toEqual(['event:signed_up']);
    expect(topicsOf({ purchase: 'p1' })).toEqual(['purchase:p1']);
    expect(topicsOf({ purchase: '*' })).toEqual(['purchase:*']);
    expect(topicsOf({ attribute_changed: 'address.city' })).toEqual(['attribute:address.city']);
    expect(topicsOf({ subscription_changed: 'email' })).toEqual(['subscription:email']);
    expect(topicsOf({ session_start: true })).toEqual(['session']);
  });

  it('on an event compares its properties with values, context and attributes', () => {
    const where = { property: 'total', op: 'greater_than', value: 20 } as const;
    expect(does({ event: 'e', where }, event('e', { total: 21 }))).toBe(true);
    expect(does({ event: 'e', where }, event('e', { total: 20 }))).toBe(false);
    expect(does({ event: 'e' }, event('f'))).toBe(false);
    expect(does({ event: 'e' }, { kind: 'purchase', name: 'e', properties: {} })).toBe(false);
    const cart = { property: 'cart', op: 'equals', value: '{{context.${cart_id}}}' } as const;
    const subject = subjectOf({ context: { cart_id: 'c1' } });
    expect(does({ event: 'e', where: cart }, event('e', { cart: 'c1' }), subject)).toBe(true);
    expect(does({ event: 'e', where: cart }, event('e', { cart: 'c2' }), subject)).toBe(false);
    const plan = { property: 'plan', op: 'equals', value: '{{custom_attribute.${plan}}}' } as const;
    expect(
      does(
        { event: 'e', where: plan },
        event('e', { plan: 'pro' }),
        subjectOf({ profile: profileOf({ custom: { plan: 'pro' } }) }),
      ),
    ).toBe(true);
    expect(does({ event: 'e', where: plan }, event('e', { plan: 'pro' }))).toBe(false);
  });

  it('on a purchase takes one product or any', () => {
    const bought: TriggerHappening = { kind: 'purchase', name: 'p1', properties: {} };
    expect([
      does({ purchase: 'p1' }, bought),
      does({ purchase: '*' }, bought),
      does({ purchase: 'p2' }, bought),
    ]).toEqual([true, true, false]);
  });

  it('on an attribute fires on a real change, also the first, never for arrays', () => {
    expect(does({ attribute_changed: 'plan' }, change('plan', undefined, 'pro'))).toBe(true);
    expect(does({ attribute_changed: 'plan' }, change('plan', 'pro', 'pro'))).toBe(false);
    expect(does({ attribute_changed: 'plan' }, change('tags', 'a', 'b'))).toBe(false);
    expect(does({ attribute_changed: 'tags' }, change('tags', ['a'], ['a', 'b']))).toBe(false);
    expect(does({ attribute_changed: 'plan', from: 'free', to: 'pro' }, change('plan', 'free', 'pro'))).toBe(true);
    expect(does({ attribute_changed: 'plan', from: 'free', to: 'pro' }, change('plan', 'trial', 'pro'))).toBe(false);
    expect(does({ attribute_changed: 'plan', to: null }, change('plan', 'pro', undefined))).toBe(true);
  });

  it('on an attribute inside of an object looks at that alone', () => {
    const moved = change('address', { city: 'Rome', zip: 1 }, { city: 'Oslo', zip: 1 });
    expect(does({ attribute_changed: 'address.city', to: 'Oslo' }, moved)).toBe(true);
    expect(does({ attribute_changed: 'address.zip' }, moved)).toBe(false);
    expect(does({ attribute_changed: 'address' }, moved)).toBe(true);
  });

  it('on a subscription looks at the group and the new state', () => {
    const left = change('news', 'subscribed', 'unsubscribed', 'subscription');
    expect(does({ subscription_changed: 'news' }, left)).toBe(true);
    expect(does({ subscription_changed: 'news', to: 'subscribed' }, left)).toBe(false);
    expect(does({ subscription_changed: 'other' }, left)).toBe(false);
    expect(does({ attribute_changed: 'news' }, left)).toBe(false);
  });
});
