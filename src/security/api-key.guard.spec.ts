import { isNative, keyOf } from './api-key.guard.js';

describe('the key of a request', () => {
  it.each([
    ['Bearer itn_abc', 'itn_abc'],
    ['bearer   itn_abc ', 'itn_abc'],
    [`Basic ${Buffer.from('itn_abc:').toString('base64')}`, 'itn_abc'],
    [`Basic ${Buffer.from('itn_abc').toString('base64')}`, 'itn_abc'],
  ])('%s', (header, key) => {
    expect(keyOf(header)).toBe(key);
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer a b',
    'itn_abc',
    'Digest itn_abc',
    `Basic ${Buffer.from(':password').toString('base64')}`,
  ])('none in %s', (header) => {
    expect(keyOf(header)).toBeNull();
  });
});

describe('what the native API is', () => {
  it.each(['/api', '/api/', '/api/journeys', '/api?x=1'])('%s is', (url) => expect(isNative(url)).toBe(true));
  it.each(['/users/track', '/apiary', '/', '/v1/track'])('%s is not', (url) => expect(isNative(url)).toBe(false));
});
