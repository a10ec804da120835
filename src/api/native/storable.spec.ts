import fc from 'fast-check';
import { findUnstorable } from './storable.js';

describe('what cannot be stored', () => {
  it('names the place of U+0000 and of half a surrogate pair', () => {
    expect(findUnstorable({ a: [{ b: 'x\u0000' }] })).toMatchObject({ path: ['a', 0, 'b'], code: 'text_invalid' });
    expect(findUnstorable(['ok', '\ud800'])).toMatchObject({ path: [1], code: 'text_invalid' });
    expect(findUnstorable({ 'a\u0000': 1 })).toMatchObject({ path: [], code: 'text_invalid' });
  });

  it('takes every well-formed text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter((text) => !text.includes('\u0000')),
        (text) => findUnstorable({ [text]: [text] }) === null,
      ),
    );
  });

  it('refuses nesting beyond the limit, however deep, without a stack overflow', () => {
    const nest = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
    expect(findUnstorable(nest(100))).toBeNull();
    expect(findUnstorable(nest(101))).toMatchObject({ code: 'too_deep' });
    expect(findUnstorable(nest(100_000))).toMatchObject({ code: 'too_deep' });
  });
});
