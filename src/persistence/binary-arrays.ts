/**
 * PostgreSQL arrays in binary format, for the statements that run per batch of thousands: nothing is escaped here and
 * nothing parsed there. The driver sends a `Buffer` as a binary parameter. Element types are fixed by their OIDs, so the
 * statement's cast must name the same type.
 */
const HEADER = 20;
const OID = { bytea: 17, int2: 21, int4: 23, text: 25, json: 114, timestamptz: 1184, uuid: 2950, jsonb: 3802 } as const;
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

function countNulls(items: readonly unknown[]): number {
  let nulls = 0;
  for (let i = 0; i < items.length; i++) if (items[i] === null) nulls++;
  return nulls;
}

/** `smallint[]` */
export function int2Array(items: readonly (number | null)[]): Buffer {
  const nulls = countNulls(items);
  const buffer = start(OID.int2, items.length, items.length * 6 - nulls * 2, nulls > 0);
  let at = HEADER;
  for (const item of items) {
    if (item === null) {
      at = buffer.writeInt32BE(-1, at);
      continue;
    }
    buffer.writeInt32BE(2, at);
    buffer.writeInt16BE(item, at + 4);
    at += 6;
  }
  return buffer;
}

/** `integer[]` */
export function int4Array(items: readonly (number | null)[]): Buffer {
  const nulls = countNulls(items);
  const buffer = start(OID.int4, items.length, items.length * 8 - nulls * 4, nulls > 0);
  let at = HEADER;
  for (const item of items) {
    if (item === null) {
      at = buffer.writeInt32BE(-1, at);
      continue;
    }
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
  const nulls = countNulls(items);
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
  return textsOf(OID.text, items);
}

/** `json[]`, of JSON texts. */
export function jsonArray(items: readonly (string | null)[]): Buffer {
  return textsOf(OID.json, items);
}

function textsOf(oid: number, items: readonly (string | null)[]): Buffer {
  let bytes = 0;
  let hasNull = false;
  for (const item of items) {
    bytes += 4;
    if (item === null) hasNull = true;
    else bytes += Buffer.byteLength(item);
  }
  const buffer = start(oid, items.length, bytes, hasNull);
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

/** `jsonb[]`, of JSON texts. */
export function jsonbArray(items: readonly (string | null)[]): Buffer {
  let bytes = 0;
  let hasNull = false;
  for (const item of items) {
    bytes += 5;
    if (item === null) {
      bytes--;
      hasNull = true;
    } else bytes += Buffer.byteLength(item);
  }
  const buffer = start(OID.jsonb, items.length, bytes, hasNull);
  let at = HEADER;
  for (const item of items) {
    if (item === null) {
      at = buffer.writeInt32BE(-1, at);
      continue;
    }
    // The first byte is the version of the format.
    buffer[at + 4] = 1;
    const length = buffer.write(item, at + 5);
    buffer.writeInt32BE(length + 1, at);
    at += 5 + length;
  }
  return buffer;
}

/** `bytea[]`: where the text form would double the bytes to hexadecimal. */
export function byteaArray(items: readonly (Uint8Array | null)[]): Buffer {
  let bytes = 0;
  let hasNull = false;
  for (const item of items) {
    bytes += 4 + (item?.byteLength ?? 0);
    hasNull ||= item === null;
  }
  const buffer = start(OID.bytea, items.length, bytes, hasNull);
  let at = HEADER;
  for (const item of items) {
    if (item === null) {
      at = buffer.writeInt32BE(-1, at);
      continue;
    }
    at = buffer.writeInt32BE(item.byteLength, at);
    buffer.set(item, at);
    at += item.byteLength;
  }
  return buffer;
}
