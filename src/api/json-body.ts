/**
 * Request bodies in JSON. What is wrong is said with its place: the messages of `JSON.parse` name one only sometimes.
 */
import { isUtf8 } from 'node:buffer';
import { BadRequestException, PayloadTooLargeException } from '@nestjs/common';
import type { preParsingHookHandler } from 'fastify';

/** Bytes of a body, inflated: the contract's limit for every request. */
export const BODY_LIMIT = 4 * 1024 * 1024;

const PROTO = /"(?:_|\\u005[fF]){2}proto(?:_|\\u005[fF]){2}"\s*:/;

/** Up to here a body that is too large is read to its end, so that the client gets to see the answer and not a reset. */
const DRAIN_LIMIT = 32 * 1024 * 1024;

/** Fastify hook (preParsing): 413 for a body that says itself that it is too large. */
export const refuseLargeBody: preParsingHookHandler = (request, _reply, payload, done) => {
  const length = Number(request.headers['content-length'] ?? 0);
  if (length <= BODY_LIMIT || length > DRAIN_LIMIT) return done(null, payload);
  const refusal = new PayloadTooLargeException({
    code: 'body_too_large',
    message: `The body has ${length} bytes; ${BODY_LIMIT} are allowed`,
  });
  payload.once('end', () => done(refusal)).once('error', () => done(refusal));
  payload.resume();
};

/** The value of a JSON body; an empty body is `undefined`. Throws 400 `json_invalid` with line and column. */
export function parseJsonBody(body: Buffer): unknown {
  if (!isUtf8(body)) throw invalid('the body is not UTF-8', null);
  const text = body.toString('utf8').replace(/^\uFEFF/, '');
  if (text.trim() === '') return undefined;
  // Own keys of that name turn into prototypes once an object is copied.
  if (PROTO.test(text)) throw invalid('the key "__proto__" is not allowed', null);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const found = locateJsonError(text);
    throw invalid(found?.cause ?? (error instanceof Error ? error.message : String(error)), found);
  }
}

function invalid(cause: string, place: { line: number; column: number } | null): BadRequestException {
  const where = place ? `line ${place.line}, column ${place.column}: ` : '';
  return new BadRequestException({
    code: 'json_invalid',
    message: `The body is not valid JSON: ${where}${cause}`,
    ...(place && { line: place.line, column: place.column }),
  });
}

const TOKEN =
  // eslint-disable-next-line no-control-regex -- JSON forbids exactly these inside of strings
  /\s*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-]))/y;

type Expected =
  'a value' | 'a value or "]"' | 'a key or "}"' | 'a key' | '":"' | '"," or "}"' | '"," or "]"' | 'the end';

/** Where a text stops being JSON (1-based, columns in UTF-16 units) and what was expected there; `null`: it is JSON. */
export function locateJsonError(text: string): { line: number; column: number; cause: string } | null {
  const open: string[] = [];
  let expected: Expected | null = 'a value';
  let from = 0;
  for (;;) {
    TOKEN.lastIndex = from;
    const match = TOKEN.exec(text);
    const at = match ? TOKEN.lastIndex - match[0].trimStart().length : from + /^\s*/.exec(text.slice(from))![0].length;
    const wanted: Expected = expected;
    if (!match) return at === text.length && wanted === 'the end' ? null : place(text, at, wanted);
    expected = take(match[1] ?? (match[2] === undefined ? 'literal' : 'string'), wanted, open);
    if (expected === null) return place(text, at, wanted);
    from = TOKEN.lastIndex;
  }
}

/** What may follow a token; `null`: the token may not stand here. */
function take(token: string, expected: Expected, open: string[]): Expected | null {
  const wantsValue = expected === 'a value' || expected === 'a value or "]"';
  switch (token) {
    case '{':
      return wantsValue ? (open.push('{'), 'a key or "}"') : null;
    case '[':
      return wantsValue ? (open.push('['), 'a value or "]"') : null;
    case '}':
      return expected === 'a key or "}"' || expected === '"," or "}"' ? (open.pop(), afterValue(open)) : null;
    case ']':
      return expected === 'a value or "]"' || expected === '"," or "]"' ? (open.pop(), afterValue(open)) : null;
    case ',':
      if (expected === '"," or "}"') return 'a key';
      return expected === '"," or "]"' ? 'a value' : null;
    case ':':
      return expected === '":"' ? 'a value' : null;
    default:
      if (token === 'string' && (expected === 'a key' || expected === 'a key or "}"')) return '":"';
      return wantsValue ? afterValue(open) : null;
  }
}

function afterValue(open: readonly string[]): Expected {
  if (open.at(-1) === '{') return '"," or "}"';
  return open.at(-1) === '[' ? '"," or "]"' : 'the end';
}

function place(text: string, at: number, expected: Expected): { line: number; column: number; cause: string } {
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  const column = at - (before.lastIndexOf('\n') + 1) + 1;
  const rest = /^[\w.+-]{1,20}|^[^]/u.exec(text.slice(at))?.[0];
  return {
    line,
    column,
    cause: `expected ${expected}, found ${rest === undefined ? 'the end of the body' : `'${rest}'`}`,
  };
}
