import type { ArgumentMetadata } from '@nestjs/common';
import { z } from 'zod';
import { AppError } from '../../kernel/errors.js';
import { RequestPipe } from './request.pipe.js';

const pipe = new RequestPipe();
const body = z.strictObject({ name: z.string(), sub: z.strictObject({ n: z.int().max(3) }).optional() });
const query = z.strictObject({ limit: z.coerce.number().int().min(1).max(200).default(50) });

async function issues(value: unknown, metadata: Partial<ArgumentMetadata>): Promise<unknown> {
  try {
    await pipe.transform(value, { type: 'body', ...metadata });
  } catch (error) {
    if (error instanceof AppError && error.code === 'request_invalid') return error.details['issues'];
    throw error;
  }
  return null;
}

describe('checking a request', () => {
  it('hands on what the schema makes of it', async () => {
    expect(await pipe.transform({ limit: '7' }, { type: 'query', schema: query })).toEqual({ limit: 7 });
    expect(await pipe.transform({}, { type: 'query', schema: query })).toEqual({ limit: 50 });
    expect(await pipe.transform(undefined, { type: 'body', schema: z.strictObject({}) })).toEqual({});
  });

  it('names the place in a body by JSON Pointer, all places at once', async () => {
    expect(await issues({ sub: { n: 9, 'a/b': 1 }, odd: true }, { schema: body })).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ path: '/name', code: 'required' }),
        expect.objectContaining({ path: '/sub/n', code: 'limit_exceeded' }),
        expect.objectContaining({ path: '/sub/a~1b', code: 'unknown_key' }),
        expect.objectContaining({ path: '/odd', code: 'unknown_key' }),
      ]),
    );
  });

  it('names the parameter of a query and of a path', async () => {
    expect(await issues({ limit: 'many', page: '1' }, { type: 'query', schema: query })).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ parameter: 'limit' }),
        expect.objectContaining({ parameter: 'page', code: 'unknown_parameter' }),
      ]),
    );
    expect(await issues('x', { type: 'param', data: 'id', schema: z.uuid() })).toEqual([
      expect.objectContaining({ parameter: 'id' }),
    ]);
  });

  it('refuses what is no object', async () => {
    for (const value of [[], 'text', 7])
      expect(await issues(value, { schema: body })).toEqual([
        expect.objectContaining({ path: '', code: 'wrong_type' }),
      ]);
  });

  it('refuses what cannot be stored, also where no schema is', async () => {
    expect(await issues({ a: '\u0000' }, {})).toEqual([expect.objectContaining({ path: '/a', code: 'text_invalid' })]);
    expect(await issues('\u0000', { type: 'param', data: 'key' })).toEqual([
      expect.objectContaining({ parameter: 'key', code: 'text_invalid' }),
    ]);
  });

  it('leaves the arguments of own decorators alone', async () => {
    const caller = { workspace: 1 };
    expect(await pipe.transform(caller, { type: 'custom' })).toBe(caller);
  });
});
