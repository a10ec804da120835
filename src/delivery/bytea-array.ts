/**
 * A `bytea[]` in PostgreSQL's binary format. The driver sends a Buffer as a binary parameter, so bodies travel as they
 * are, where the text form would double them to hexadecimal and have every one escaped.
 */
const OID_BYTEA = 17;

export function byteaArray(items: readonly (Uint8Array | null)[]): Buffer {
  let size = 20;
  for (const item of items) size += 4 + (item?.byteLength ?? 0);
  const buffer = Buffer.allocUnsafe(size);
  let at = 0;
  const int = (value: number): void => {
    at = buffer.writeInt32BE(value, at);
  };
  // Dimensions, has-nulls flag, element type, then length and lower bound of the one dimension.
  int(items.length === 0 ? 0 : 1);
  int(1);
  int(OID_BYTEA);
  if (items.length === 0) return buffer.subarray(0, at);
  int(items.length);
  int(1);
  for (const item of items) {
    if (item === null) {
      int(-1);
      continue;
    }
    int(item.byteLength);
    buffer.set(item, at);
    at += item.byteLength;
  }
  return buffer;
}
