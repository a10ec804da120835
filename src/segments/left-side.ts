import { isJsonObject, type Json, type JsonObject } from '../kernel/json.js';
import { standardAttribute } from '../liquid/scope.js';
import type { ProfileFacts } from './subject.js';

/** The part of an object a name reaches: the key itself, or with dots the one inside of it. Arrays are not reached into. */
export function reach(object: JsonObject, name: string): Json | undefined {
  if (Object.hasOwn(object, name)) return object[name];
  if (!name.includes('.')) return undefined;
  let value: Json | undefined = object;
  for (const key of name.split('.')) value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

/** A custom attribute, or with `$` a standard one under its name in `/users/track` or in Liquid. */
export function attributeOf(profile: ProfileFacts, name: string): Json | undefined {
  if (!name.startsWith('$')) return reach(profile.custom, name);
  const [root = '', ...inside] = name.slice(1).split('.');
  let value = standardAttribute(profile, root);
  for (const key of inside) value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

export function zoneOf(profile: ProfileFacts): string | null {
  const zone = profile.standard['time_zone'];
  return typeof zone === 'string' ? zone : null;
}
