/** Whom an item of `/users/track` is about, and whether it may create that profile. Pure. */
import { isJsonObject, type Json, type JsonObject } from '../../../kernel/json.js';
import type { Identity } from '../../../profiles/identity.js';
import { isEmail, isPhone } from '../../../profiles/standard-attributes.js';

/** Identifiers are keys of an index. */
const MAX_BYTES = 997;

export interface Who {
  readonly identity: Identity;
  readonly mayCreate: boolean;
}

/**
 * The first of external_id, user_alias, braze_id, email, phone that is given; or what is wrong. `_update_existing_only`
 * keeps an item from creating a profile. It is on for aliases: attributes must say `false` to create a profile that has
 * only an alias, events and purchases never create one.
 */
export function parseIdentity(item: JsonObject, isAttributes: boolean): Who | string {
  const { external_id, user_alias, braze_id, email, phone } = item;
  const updateOnly = item['_update_existing_only'];
  if (updateOnly !== undefined && updateOnly !== null && typeof updateOnly !== 'boolean') {
    return "'_update_existing_only' must be true or false";
  }
  const mayCreate = updateOnly !== true;
  if (isGiven(external_id)) {
    const problem = textProblem('external_id', external_id);
    return problem ?? { identity: { kind: 'external_id', value: external_id as string }, mayCreate };
  }
  if (isGiven(user_alias)) {
    if (!isJsonObject(user_alias)) return "'user_alias' must be an object with 'alias_name' and 'alias_label'";
    const { alias_name, alias_label } = user_alias;
    const problem =
      textProblem('user_alias.alias_name', alias_name) ?? textProblem('user_alias.alias_label', alias_label);
    if (problem !== null) return problem;
    const identity = { kind: 'alias', name: alias_name as string, label: alias_label as string } as const;
    return { identity, mayCreate: isAttributes && updateOnly === false };
  }
  if (isGiven(braze_id)) {
    const problem = textProblem('braze_id', braze_id);
    return problem ?? { identity: { kind: 'braze_id', value: braze_id as string }, mayCreate: false };
  }
  if (isGiven(email)) {
    const value = typeof email === 'string' ? email.trim() : '';
    return isEmail(value) ? { identity: { kind: 'email', value }, mayCreate } : "'email' is not a valid email address";
  }
  if (isGiven(phone)) {
    const value = typeof phone === 'string' ? phone.trim() : '';
    return isPhone(value) ? { identity: { kind: 'phone', value }, mayCreate } : "'phone' is not a valid phone number";
  }
  return "'external_id', 'user_alias', 'braze_id', 'email' or 'phone' is required";
}

function isGiven(value: Json | undefined): value is Exclude<Json, null> {
  return value !== undefined && value !== null;
}

function textProblem(field: string, value: Json | undefined): string | null {
  if (!isGiven(value)) return `'${field}' is required`;
  if (typeof value !== 'string') return `'${field}' must be a string`;
  if (value === '') return `'${field}' must not be empty`;
  if (value.includes('\0')) return `'${field}' must not contain U+0000`;
  const isLong = value.length * 3 > MAX_BYTES && Buffer.byteLength(value) > MAX_BYTES;
  return isLong ? `'${field}' must not be longer than ${MAX_BYTES} bytes` : null;
}
