import {
  byteaArray,
  int2Array,
  int4Array,
  jsonArray,
  jsonbArray,
  stringArray,
  timestampArray,
  uuidArray,
} from '../../src/persistence/binary-arrays.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

describe('arrays in binary format', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());

  async function read(type: string, array: Buffer): Promise<unknown[]> {
    const rows = await db.database.query<{ item: unknown }>(`select item from unnest($1::${type}[]) as t (item)`, [
      array,
    ]);
    return rows.map(({ item }) => item);
  }

  it.each([
    ['smallint', int2Array, [0, -1, 32_767, null, -32_768]],
    ['integer', int4Array, [0, -1, 2_147_483_647, null, -2_147_483_648]],
    ['text', stringArray, ['', 'a "b", {c} \\ NULL', 'żółć 🚀', null]],
    ['uuid', uuidArray, ['01a20bf1-9e47-71ff-8862-3ef944dde2f1', 'ffffffff-ffff-ffff-ffff-ffffffffffff']],
    ['bytea', byteaArray, [Buffer.from([0, 255, 92]), Buffer.alloc(0), null]],
  ] as const)('%s: what goes in comes out', async (type, build, items) => {
    expect(await read(type, (build as (items: readonly unknown[]) => Buffer)(items))).toEqual(items);
    expect(await read(type, build([]))).toEqual([]);
  });

  it.each([
    ['json', jsonArray],
    ['jsonb', jsonbArray],
  ] as const)('%s: texts come out as values', async (type, build) => {
    const values = [{ a: ['ż', 1.5, null], 'b"': '\\' }, [], 'text', 0, null];
    const texts = values.map((value) => (value === null ? null : JSON.stringify(value)));
    expect(await read(type, build(texts))).toEqual(values);
    expect(await read(type, build([]))).toEqual([]);
    await expect(read(type, build(['{']))).rejects.toMatchObject({ code: '22P02' });
  });

  it('timestamptz: to the millisecond, before and after 2000', async () => {
    const items = [0, 946_684_799_999, 946_684_800_001, 1_764_000_003_123, null];
    expect(await read('timestamptz', timestampArray(items))).toEqual(
      items.map((at) => (at === null ? null : new Date(at))),
    );
  });
});
