/** How callers name a profile. Pure. */
import { laneOf } from '../kernel/lanes.js';

export type Identity =
  | { readonly kind: 'external_id'; readonly value: string }
  | { readonly kind: 'alias'; readonly name: string; readonly label: string }
  /** The profile's own id; never creates one. */
  | { readonly kind: 'braze_id'; readonly value: string }
  | { readonly kind: 'email'; readonly value: string }
  | { readonly kind: 'phone'; readonly value: string };

/** A key that is equal for equal identities of one workspace. E-mail addresses are equal whatever their case. */
export function identityKey(identity: Identity): string {
  switch (identity.kind) {
    case 'alias':
      return `alias:${aliasValue(identity.name, identity.label)}`;
    case 'email':
      return `email:${identity.value.toLowerCase()}`;
    default:
      return `${identity.kind}:${identity.value}`;
  }
}

/** `identity.value` of an alias: its label and name in one text, without ambiguity. */
export function aliasValue(name: string, label: string): string {
  return `${label.length}:${label}:${name}`;
}

/** Row key of the identities that have a row of their own (external ids and aliases): kind, value, and their lane. */
export function identityRow(identity: Extract<Identity, { kind: 'external_id' | 'alias' }>): {
  readonly lane: number;
  readonly kind: 'external_id' | 'alias';
  readonly value: string;
} {
  const { kind } = identity;
  const value = kind === 'alias' ? aliasValue(identity.name, identity.label) : identity.value;
  return { lane: laneOf(kind, value), kind, value };
}

/** The lane of a profile that is created by this identity. */
export function laneOfIdentity(identity: Identity): number {
  switch (identity.kind) {
    case 'external_id':
    case 'alias':
      return identityRow(identity).lane;
    case 'email':
      return laneOf('email', identity.value.toLowerCase());
    default:
      return laneOf(identity.kind, identity.value);
  }
}
