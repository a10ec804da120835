/**
 * Lanes: every hot row carries `lane` (0–63) as the first column of its primary key, so that tables can be distributed
 * by it later without touching a query. A profile's lane is a stable hash of its first identity; all that belongs to
 * the profile shares it.
 */
export const LANES = 64;

/** FNV-1a, 32 bits: stable over processes and versions, cheap, and good enough to spread identities. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  // One round of the murmur finaliser: FNV's low bits alone are weak for short, similar keys.
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  return hash >>> 0;
}

export function laneOf(kind: string, value: string): number {
  return hash32(`${kind}\u0000${value}`) % LANES;
}

/** A stable number in [0, 1) for a key: random choices that a replay repeats. */
export function unitHash(key: string): number {
  return hash32(key) / 0x1_0000_0000;
}
