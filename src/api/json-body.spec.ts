import fc from 'fast-check';
import { locateJsonError, parseJsonBody } from './json-body.js';

const parse = (text: string): unknown => parseJsonBody(Buffer.from(text));

function refusal(body: Buffer | string): unknown {
  try {
    parseJsonBody(Buffer.from(body));
  } catch (error) {
    return (error as { getResponse(): unknown }).getResponse();
  }
  return 'accepted';
}

describe('a JSON body', () => {
  it('is its value; a byte order mark does not matter, an empty body is no value', () => {
    expect([parse('{"a":[1,"é"]}'), parse('\uFEFF[]'), parse(' \n')]).toEqual([{ a: [1, 'é'] }, [], undefined]);
  });

  it.each([
    ['{"a": }', 1, 7, `expected a value, found '}'`],
    ['{"a": 1,\n  "b": tru }', 2, 8, `expected a value, found 'tru'`],
    ['[1, 2', 1, 6, 'expected "," or "]", found the end of the body'],
    ['{"a" 1}', 1, 6, `expected ":", found '1'`],
    ['{"a":1,}', 1, 8, `expected a key, found '}'`],
    ["{'a':1}", 1, 2, `expected a key or "}", found '''`],
    ['[1] x', 1, 5, `expected the end, found 'x'`],
    ['[01]', 1, 2, `expected a value or "]", found '01'`],
    ['["a\tb"]', 1, 2, `expected a value or "]", found '"'`],
  ])('that is broken is refused with place and cause: %j', (text, line, column, cause) => {
    expect(refusal(text)).toEqual({
      code: 'json_invalid',
      message: `The body is not valid JSON: line ${line}, column ${column}: ${cause}`,
      line,
      column,
    });
  });

  it('must be UTF-8, and must not name a prototype', () => {
    expect(refusal(Buffer.from([0x22, 0xff, 0x22]))).toMatchObject({
      code: 'json_invalid',
      message: expect.stringContaining('UTF-8') as string,
    });
    expect(refusal('{"__proto__": {"admin": true}}')).toMatchObject({
      message: expect.stringContaining('__proto__') as string,
    });
    expect(refusal('{"\\u005f_proto__": 1}')).toMatchObject({ code: 'json_invalid' });
    expect(refusal('{"note": "__proto__"}')).toBe('accepted');
  });

  it('is called broken exactly where JSON.parse throws', () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.nat(),
        fc.constantFrom('', '{', '}', '[', ']', ',', ':', '"', '0', 'x', '\\', '\n', '-', '.'),
        (json, at, junk) => {
          const place = at % (json.length + 1);
          const text = json.slice(0, place) + junk + json.slice(place + (at % 2));
          let valid = true;
          try {
            JSON.parse(text);
          } catch {
            valid = false;
          }
          expect(locateJsonError(text) === null).toBe(valid);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
