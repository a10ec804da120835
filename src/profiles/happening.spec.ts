import { topicsOfHappening, type Change, type Happening } from './happening.js';

const base = { lane: 1, profileId: 'p', at: 0, properties: {} };
const changed = (...changes: Change[]): Happening => ({ ...base, kind: 'attributes', name: '', changed: changes });

describe('topicsOfHappening', () => {
  it('names events, and purchases also as any product', () => {
    expect(topicsOfHappening({ ...base, kind: 'event', name: 'signed_up' })).toEqual(['event:signed_up', 'audience']);
    expect(topicsOfHappening({ ...base, kind: 'purchase', name: 'sku' })).toEqual([
      'purchase:sku',
      'purchase:*',
      'audience',
    ]);
  });

  it('names attributes and subscription groups', () => {
    const happening = changed(
      { kind: 'attribute', name: 'plan', from: undefined, to: 'pro' },
      { kind: 'attribute', name: '$email', from: 'a@b.c', to: undefined },
      { kind: 'subscription', name: 'news', from: undefined, to: 'subscribed' },
    );
    expect(topicsOfHappening(happening)).toEqual([
      'attribute:plan',
      'attribute:$email',
      'subscription:news',
      'audience',
    ]);
  });

  it('names the changed paths of nested objects, and no arrays', () => {
    const happening = changed(
      {
        kind: 'attribute',
        name: 'address',
        from: { city: 'Oslo', zip: '1' },
        to: { city: 'Rome', zip: '1', tags: ['a'] },
      },
      { kind: 'attribute', name: 'list', from: ['a'], to: ['b'] },
      { kind: 'attribute', name: 'gone', from: [{ a: 1 }], to: undefined },
    );
    expect(topicsOfHappening(happening)).toEqual(['attribute:address', 'attribute:address.city', 'audience']);
  });

  it('a new last session is a session', () => {
    const happening = changed({
      kind: 'attribute',
      name: '$date_of_last_session',
      from: undefined,
      to: '2026-01-01T00:00:00.000Z',
    });
    expect(topicsOfHappening(happening)).toContain('session');
  });
});
