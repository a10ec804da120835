import { beyond, grants, isScope, SCOPES } from './scopes.js';

describe('scopes', () => {
  it('a key may do what it was given, and nothing by resemblance', () => {
    expect(grants(['journeys.read'], 'journeys.read')).toBe(true);
    expect(grants(['journeys.read'], 'journeys.write')).toBe(false);
    expect(grants(['users.track'], 'users.track.sync')).toBe(false);
    expect(grants([], 'ingest')).toBe(false);
  });

  it('* may do everything', () => {
    for (const scope of SCOPES) expect(grants(['*'], scope)).toBe(true);
  });

  it('knows its own names and Braze’s', () => {
    expect(isScope('hosts.write')).toBe(true);
    expect(isScope('canvas.trigger.send')).toBe(true);
    expect(isScope('journeys.*')).toBe(false);
  });

  it('names each scope once', () => {
    expect(new Set(SCOPES).size).toBe(SCOPES.length);
  });

  it('tells which scopes are not the giver’s own', () => {
    expect(beyond(['ingest'], ['ingest', 'users.track'])).toEqual(['users.track']);
    expect(beyond(['*'], ['*', 'users.track'])).toEqual([]);
  });
});
