/**
 * Ids are UUIDs of version 7 (RFC 9562): 48 bits of milliseconds, so they sort by time and a time range is an id range,
 * with the lane in the six bits after the variant, so that one look-up by id is one statement (`lane = … and id = …`).
 *
 *     tttttttt-tttt-7ccc-vlrr-rrrrrrrrrrrr     t time, c counter/random, v variant + 2 lane bits, l 4 lane bits, r random
 */
import { LANES } from './lanes.js';

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));
const POOL_BYTES = 8 * 1024;
const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

function takeRandom(count: number): number {
  if (used + count > POOL_BYTES) {
    globalThis.crypto.getRandomValues(pool);
    used = 0;
  }
  const at = used;
  used += count;
  return at;
}

/** A new id that carries `lane` and sorts by `time` (epoch milliseconds). Unique over processes by 68 random bits. */
export function newId(lane: number, time: number): string {
  const at = takeRandom(9);
  const high = Math.floor(time / 0x10000);
  const low = time % 0x10000;
  const b = (i: number): string => HEX[pool[at + i]!]!;
  return (
    HEX[(high >>> 24) & 0xff]! +
    HEX[(high >>> 16) & 0xff]! +
    HEX[(high >>> 8) & 0xff]! +
    HEX[high & 0xff]! +
    '-' +
    HEX[(low >>> 8) & 0xff]! +
    HEX[low & 0xff]! +
    '-' +
    HEX[0x70 | (pool[at]! & 0x0f)]! +
    b(1) +
    '-' +
    HEX[0x80 | (lane & 0x3f)]! +
    b(2) +
    '-' +
    b(3) +
    b(4) +
    b(5) +
    b(6) +
    b(7) +
    b(8)
  );
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isId(text: string): boolean {
  return UUID.test(text);
}

/** The lane an id of ours carries. Only meaningful for ids made by `newId`. */
export function laneOfId(id: string): number {
  return Number.parseInt(id.slice(19, 21), 16) % LANES;
}

/** Creation time of an id, epoch milliseconds. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The smallest id of a time: lower bound of an id range, and of a time partition. */
export function idFloor(time: number): string {
  const hex = Math.floor(time).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}
