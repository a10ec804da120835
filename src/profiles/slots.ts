/** Finds the profiles that a group of requests is about, and creates those that are missing and wanted. */
import type { Transaction } from '../persistence/database.js';
import type { ProfileFacts } from '../segments/subject.js';
import type { ProfileRef } from './happening.js';
import { identityKey, type Identity } from './identity.js';
import { hasRow, resolveIdentities } from './profiles.reader.js';
import { createProfiles } from './profiles.store.js';
import type { AttributesItem, TrackRequest } from './track.js';

/** One identity of a group of requests and the profile it stands for. */
export interface Slot {
  /** `null`: there is no such profile and nothing creates it. */
  readonly ref: ProfileRef | null;
  /** The profile, if this transaction created it. */
  readonly created: ProfileFacts | null;
}

type Item = Pick<AttributesItem, 'identity' | 'mayCreate'>;

export class Slots {
  /** Profiles created here that no item has come to yet that may create. */
  private readonly unborn = new Set<string>();

  constructor(private readonly slots: ReadonlyMap<Identity, Slot>) {
    for (const { created } of slots.values()) if (created) this.unborn.add(created.id);
  }

  of(item: Item): Slot {
    return this.slots.get(item.identity) ?? NOBODY;
  }

  /** The profile of an item whose turn has come; `null`: it only updates, and there is nobody yet. */
  enter(item: Item): ProfileRef | null {
    const { ref } = this.of(item);
    if (!ref || !this.unborn.has(ref.id)) return ref;
    if (!item.mayCreate) return null;
    this.unborn.delete(ref.id);
    return ref;
  }
}

const NOBODY: Slot = { ref: null, created: null };

export async function findSlots(
  tx: Transaction,
  workspace: number,
  requests: readonly TrackRequest[],
  now: number,
): Promise<Slots> {
  const keys = new Map<Identity, string>();
  const identities = new Map<string, Identity>();
  const creatable = new Set<string>();
  for (const { attributes, events, purchases } of requests) {
    for (const items of [attributes, events, purchases]) {
      for (const { identity, mayCreate } of items) {
        const key = identityKey(identity);
        keys.set(identity, key);
        if (!identities.has(key)) identities.set(key, identity);
        if (mayCreate) creatable.add(key);
      }
    }
  }

  const found = await resolveIdentities(tx, workspace, [...identities.values()]);
  const owners = addressOwners(requests, keys);
  const target = (key: string): string => {
    const owner = found.has(key) ? undefined : owners.get(key);
    return owner === undefined ? key : target(owner);
  };
  const missing = new Set([...creatable].map(target).filter((key) => !found.has(key)));
  const created = await createProfiles(
    tx,
    workspace,
    [...missing].map((key) => identities.get(key)!),
    now,
  );

  const slots = new Map<Identity, Slot>();
  for (const [identity, key] of keys) {
    const ref = found.get(target(key));
    slots.set(identity, ref ? { ref, created: null } : (created.get(target(key)) ?? NOBODY));
  }
  return new Slots(slots);
}

/**
 * An address that no stored profile has may be one that this very group gives to a profile named otherwise
 * (`{ external_id: 'a', email: 'a@x' }`, then an event of `a@x`): it then stands for that profile. An external id or
 * alias is never an address's, and a phone number may lead to an e-mail address but not back: this ends.
 */
function addressOwners(requests: readonly TrackRequest[], keys: ReadonlyMap<Identity, string>): Map<string, string> {
  const owners = new Map<string, string>();
  for (const { identity, attributes } of requests.flatMap((request) => request.attributes)) {
    for (const kind of ['email', 'phone'] as const) {
      const value = attributes[kind];
      const owned = hasRow(identity) || (identity.kind === 'email' && kind === 'phone');
      if (typeof value !== 'string' || !owned) continue;
      const address = identityKey({ kind, value: value.trim() });
      if (!owners.has(address)) owners.set(address, keys.get(identity)!);
    }
  }
  return owners;
}
