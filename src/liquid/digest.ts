/**
 * MD5 (RFC 1321), SHA-1, SHA-256, SHA-512 (FIPS 180-4) and HMAC (RFC 2104) in plain JavaScript: rendering is synchronous
 * and also runs in a browser, whose own digests are not. For signing short texts in templates, not for secrets at rest.
 */
export type DigestName = 'md5' | 'sha1' | 'sha256' | 'sha512';

const utf8 = new TextEncoder();

export function digest(name: DigestName, text: string): Uint8Array {
  return ALGORITHMS[name](utf8.encode(text));
}

export function hmac(name: DigestName, text: string, key: string): Uint8Array {
  const hash = ALGORITHMS[name];
  const block = name === 'sha512' ? 128 : 64;
  const given = utf8.encode(key);
  const padded = new Uint8Array(block);
  padded.set(given.length > block ? hash(given) : given);
  const message = utf8.encode(text);
  const inner = concat(
    padded.map((byte) => byte ^ 0x36),
    message,
  );
  return hash(
    concat(
      padded.map((byte) => byte ^ 0x5c),
      hash(inner),
    ),
  );
}

export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += (byte < 16 ? '0' : '') + byte.toString(16);
  return text;
}

export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/** The message with a one bit, zeros and its length in bits, in whole blocks. */
function pad(message: Uint8Array, block: number, littleEndian: boolean): DataView {
  const lengthBytes = block / 8;
  const size = Math.ceil((message.length + 1 + lengthBytes) / block) * block;
  const view = new DataView(new ArrayBuffer(size));
  new Uint8Array(view.buffer).set(message);
  view.setUint8(message.length, 0x80);
  const bits = BigInt(message.length) * 8n;
  view.setBigUint64(size - 8, bits, littleEndian);
  return view;
}

function words(state: Int32Array, littleEndian: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(state.length * 4));
  state.forEach((word, i) => view.setInt32(i * 4, word, littleEndian));
  return new Uint8Array(view.buffer);
}

const rotateLeft = (x: number, n: number): number => (x << n) | (x >>> (32 - n));
const rotateRight = (x: number, n: number): number => (x >>> n) | (x << (32 - n));

const MD5_SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const MD5_TABLE = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 0x1_0000_0000) | 0);

function md5(message: Uint8Array): Uint8Array {
  const data = pad(message, 64, true);
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  for (let at = 0; at < data.byteLength; at += 64) {
    let [a, b, c, d] = state as unknown as [number, number, number, number];
    for (let i = 0; i < 64; i++) {
      const round = i >> 4;
      let f: number;
      let g: number;
      if (round === 0) [f, g] = [(b & c) | (~b & d), i];
      else if (round === 1) [f, g] = [(d & b) | (~d & c), (5 * i + 1) & 15];
      else if (round === 2) [f, g] = [b ^ c ^ d, (3 * i + 5) & 15];
      else [f, g] = [c ^ (b | ~d), (7 * i) & 15];
      const sum = (a + f + MD5_TABLE[i]! + data.getInt32(at + g * 4, true)) | 0;
      a = d;
      d = c;
      c = b;
      b = (b + rotateLeft(sum, MD5_SHIFTS[round * 4 + (i & 3)]!)) | 0;
    }
    state[0]! += a;
    state[1]! += b;
    state[2]! += c;
    state[3]! += d;
  }
  return words(state, true);
}

function sha1(message: Uint8Array): Uint8Array {
  const data = pad(message, 64, false);
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);
  const w = new Int32Array(80);
  for (let at = 0; at < data.byteLength; at += 64) {
    for (let i = 0; i < 80; i++) {
      w[i] = i < 16 ? data.getInt32(at + i * 4) : rotateLeft(w[i - 3]! ^ w[i - 8]! ^ w[i - 14]! ^ w[i - 16]!, 1);
    }
    let [a, b, c, d, e] = state as unknown as [number, number, number, number, number];
    for (let i = 0; i < 80; i++) {
      const [f, k] =
        i < 20
          ? [(b & c) | (~b & d), 0x5a827999]
          : i < 40
            ? [b ^ c ^ d, 0x6ed9eba1]
            : i < 60
              ? [(b & c) | (b & d) | (c & d), 0x8f1bbcdc]
              : [b ^ c ^ d, 0xca62c1d6];
      const next = (rotateLeft(a, 5) + f + e + k + w[i]!) | 0;
      e = d;
      d = c;
      c = rotateLeft(b, 30);
      b = a;
      a = next;
    }
    [a, b, c, d, e].forEach((word, i) => (state[i]! += word));
  }
  return words(state, false);
}

function primes(count: number): number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) if (found.every((p) => n % p !== 0)) found.push(n);
  return found;
}

/** The first 64 bits of the fractional part of the square or cube root of a prime, in integers throughout. */
function rootBits(prime: number, degree: 2 | 3): bigint {
  const target = BigInt(prime) << BigInt(64 * degree);
  let low = 0n;
  let high = 1n << 70n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** BigInt(degree) <= target) low = middle;
    else high = middle;
  }
  return BigInt.asUintN(64, low);
}

const SHA512_TABLE = primes(80).map((prime) => rootBits(prime, 3));
const SHA512_START = primes(8).map((prime) => rootBits(prime, 2));
const SHA256_TABLE = Int32Array.from(SHA512_TABLE.slice(0, 64), (bits) => Number(bits >> 32n));
const SHA256_START = Int32Array.from(SHA512_START, (bits) => Number(bits >> 32n));

function sha256(message: Uint8Array): Uint8Array {
  const data = pad(message, 64, false);
  const state = Int32Array.from(SHA256_START);
  const w = new Int32Array(64);
  for (let at = 0; at < data.byteLength; at += 64) {
    for (let i = 0; i < 64; i++) {
      if (i < 16) w[i] = data.getInt32(at + i * 4);
      else {
        const x = w[i - 15]!;
        const y = w[i - 2]!;
        const s0 = rotateRight(x, 7) ^ rotateRight(x, 18) ^ (x >>> 3);
        const s1 = rotateRight(y, 17) ^ rotateRight(y, 19) ^ (y >>> 10);
        w[i] = w[i - 16]! + s0 + w[i - 7]! + s1;
      }
    }
    let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
    for (let i = 0; i < 64; i++) {
      const s1 = rotateRight(e, 6) ^ rotateRight(e, 11) ^ rotateRight(e, 25);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + SHA256_TABLE[i]! + w[i]!) | 0;
      const s0 = rotateRight(a, 2) ^ rotateRight(a, 13) ^ rotateRight(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i]! += word));
  }
  return words(state, false);
}

const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
const rotateRight64 = (x: bigint, n: bigint): bigint => u64((x >> n) | (x << (64n - n)));

function sha512(message: Uint8Array): Uint8Array {
  const data = pad(message, 128, false);
  const state = SHA512_START.slice();
  const w: bigint[] = [];
  for (let at = 0; at < data.byteLength; at += 128) {
    for (let i = 0; i < 80; i++) {
      if (i < 16) w[i] = data.getBigUint64(at + i * 8);
      else {
        const x = w[i - 15]!;
        const y = w[i - 2]!;
        const s0 = rotateRight64(x, 1n) ^ rotateRight64(x, 8n) ^ (x >> 7n);
        const s1 = rotateRight64(y, 19n) ^ rotateRight64(y, 61n) ^ (y >> 6n);
        w[i] = u64(w[i - 16]! + s0 + w[i - 7]! + s1);
      }
    }
    let [a, b, c, d, e, f, g, h] = state as [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint];
    for (let i = 0; i < 80; i++) {
      const s1 = rotateRight64(e, 14n) ^ rotateRight64(e, 18n) ^ rotateRight64(e, 41n);
      const t1 = u64(h + s1 + ((e & f) ^ (u64(~e) & g)) + SHA512_TABLE[i]! + w[i]!);
      const s0 = rotateRight64(a, 28n) ^ rotateRight64(a, 34n) ^ rotateRight64(a, 39n);
      const t2 = u64(s0 + ((a & b) ^ (a & c) ^ (b & c)));
      [h, g, f, e, d, c, b, a] = [g, f, e, u64(d + t1), c, b, a, u64(t1 + t2)];
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] = u64(state[i]! + word)));
  }
  const view = new DataView(new ArrayBuffer(64));
  state.forEach((word, i) => view.setBigUint64(i * 8, word));
  return new Uint8Array(view.buffer);
}

const ALGORITHMS: Readonly<Record<DigestName, (message: Uint8Array) => Uint8Array>> = { md5, sha1, sha256, sha512 };
