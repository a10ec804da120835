import { jsonText, plainText } from './json-text.js';

it('replaces what jsonb refuses and nothing else', () => {
  expect(JSON.parse(jsonText({ a: 'x\0y', 'k\0': '\ud800', b: '\\u0000', c: '😀\n"' }))).toEqual({
    a: 'x\ufffdy',
    'k\ufffd': '\ufffd',
    b: '\\u0000',
    c: '😀\n"',
  });
  expect(plainText('a\0b')).toBe('a\ufffdb');
});
