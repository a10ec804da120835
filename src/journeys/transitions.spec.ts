import { stopsAfter, transition, type JourneyChange, type JourneyStatus } from './transitions.js';

describe('the life cycle of a journey', () => {
  it.each<[JourneyStatus, JourneyChange, JourneyStatus]>([
    ['draft', 'edit', 'draft'],
    ['draft', 'launch', 'active'],
    ['draft', 'archive', 'archived'],
    ['active', 'edit', 'active'],
    ['active', 'launch', 'active'],
    ['active', 'stop', 'stopped'],
    ['active', 'archive', 'archived'],
    ['stopped', 'edit', 'stopped'],
    ['stopped', 'launch', 'active'],
    ['stopped', 'resume', 'active'],
    ['stopped', 'archive', 'archived'],
  ])('%s + %s → %s', (status, change, next) => {
    expect(transition(status, change)).toEqual({ fits: true, status: next });
  });

  it.each<[JourneyStatus, JourneyChange, string]>([
    ['draft', 'stop', 'journey_not_launched'],
    ['draft', 'resume', 'journey_not_launched'],
    ['active', 'resume', 'journey_active'],
    ['stopped', 'stop', 'journey_stopped'],
    ['archived', 'edit', 'journey_archived'],
    ['archived', 'launch', 'journey_archived'],
    ['archived', 'stop', 'journey_archived'],
    ['archived', 'resume', 'journey_archived'],
    ['archived', 'archive', 'journey_archived'],
  ])('%s + %s does not fit: %s', (status, change, code) => {
    expect(transition(status, change)).toMatchObject({ fits: false, code });
  });
});

describe('intervals in which a journey was stopped', () => {
  it('a stop opens one, a resume closes it, a second stop opens another', () => {
    const once = stopsAfter([], 'active', 'stopped', 1_000);
    expect(once).toEqual([{ from: 1_000, to: null }]);
    const resumed = stopsAfter(once, 'stopped', 'active', 2_000);
    expect(resumed).toEqual([{ from: 1_000, to: 2_000 }]);
    expect(stopsAfter(resumed, 'active', 'stopped', 3_000)).toEqual([
      { from: 1_000, to: 2_000 },
      { from: 3_000, to: null },
    ]);
  });

  it('archiving a running journey stops it; archiving a stopped one leaves the open interval as it is', () => {
    expect(stopsAfter([], 'active', 'archived', 5)).toEqual([{ from: 5, to: null }]);
    expect(stopsAfter([{ from: 1, to: null }], 'stopped', 'archived', 5)).toEqual([{ from: 1, to: null }]);
    expect(stopsAfter([], 'draft', 'archived', 5)).toEqual([]);
  });

  it('launching a running journey changes nothing, launching a stopped one closes the interval', () => {
    expect(stopsAfter([], 'active', 'active', 5)).toEqual([]);
    expect(stopsAfter([{ from: 1, to: null }], 'stopped', 'active', 5)).toEqual([{ from: 1, to: 5 }]);
  });

  it('a clock that went back does not make an interval that ends before it begins', () => {
    expect(stopsAfter([{ from: 10, to: null }], 'stopped', 'active', 5)).toEqual([{ from: 10, to: 10 }]);
  });
});
