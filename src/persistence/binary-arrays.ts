/**
 * PostgreSQL arrays in binary format, for the statements that run per batch of thousands: nothing is escaped here and
 * nothing parsed there. The driver sends a `Buffer` as a binary parameter. Element types are fixed by their OIDs, so the
 * statement's cast must name the same type.
 */
const HEADER = 20;
const OID = { int2: 21, int4: 23, text: 25, timestamptz: 1184, uuid: 2950 } as const;
/** 2000-01-01 in epoch milliseconds: where PostgreSQL's timestamps begin. */
const EPOCH = 946_684_800_000;

function start(oid: number, length: number, bytes: number, hasNull: boolean): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + bytes);
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(hasNull ? 1 : 0, 4);
  buffer.writeInt32BE(oid, 8);
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
  return buffer;
}

/** `smallint[]` */
export function int2Array(items: readonly number[]): Buffer {
  const buffer = start(OID.int2, items.length, items.length * 6, false);
  let at = HEADER;
  for (const item of items) {
    buffer.writeInt32BE(2, at);
    buffer.writeInt16BE(item, at + 4);
    at += 6;
  }
  return buffer;
}

/** `integer[]` */
export function int4Array(items: readonly number[]): Buffer {
  const buffer = start(OID.int4, items.length, items.length * 8, false);
  let at = HEADER;
  for (const item of items) {
    buffer.writeInt32BE(4, at);
    buffer.writeInt32BE(item, at + 4);
    at += 8;
  }
  return buffer;
}

const NIBBLE = new Uint8Array(128);
for (let i = 0; i < 16; i++) NIBBLE[i.toString(16).charCodeAt(0)] = i;
/** Where the pairs of hexadecimal digits of a UUID's text begin. */
const PAIRS = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const;

/** `uuid[]`, of ids as this project writes them: lower case, with dashes. */
export function uuidArray(items: readonly string[]): Buffer {
  const buffer = start(OID.uuid, items.length, items.length * 20, false);
  let at = HEADER;
  for (const item of items) {
    buffer.writeInt32BE(16, at);
    at += 4;
    for (const pair of PAIRS) {
      buffer[at++] = (NIBBLE[item.charCodeAt(pair)]! << 4) | NIBBLE[item.charCodeAt(pair + 1)]!;
    }
  }
  return buffer;
}

/** `timestamptz[]`, of epoch milliseconds. */
export function timestampArray(items: readonly (number | null)[]): Buffer {
  const nulls = items.reduce<number>((sum, item) => (item === null ? sum + 1 : sum), 0);
  const buffer = start(OID.timestamptz, items.length, items.length * 12 - nulls * 8, nulls > 0);
  let at = HEADER;
  for (const item of items) {
    if (item === null) {
      buffer.writeInt32BE(-1, at);
      at += 4;
      continue;
    }
    const micros = (item - EPOCH) * 1000;
    const high = Math.floor(micros / 0x1_0000_0000);
    buffer.writeInt32BE(8, at);
    buffer.writeInt32BE(high, at + 4);
    buffer.writeUInt32BE(micros - high * 0x1_0000_0000, at + 8);
    at += 12;
  }
  return buffer;
}

/** `text[]` */
export function stringArray(items: readonly (string | null)[]): Buffer {
  let bytes = 0;
  let hasNull = false;
  for (const item of items) {
    bytes += 4;
    if (item === null) hasNull = true;
    else bytes += Buffer.byteLength(item);
  }
  const buffer = start(OID.text, items.length, bytes, hasNull);
  let at = HEADER;
  for (const item of items) {
    if (item === null) {
      buffer.writeInt32BE(-1, at);
      at += 4;
      continue;
    }
    const length = buffer.write(item, at + 4);
    buffer.writeInt32BE(length, at);
    at += 4 + length;
  }
  return buffer;
}
