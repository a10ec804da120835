/** The standard attributes of `/users/track`: what each accepts and how it is kept. Pure. */
import { isJsonObject, jsonEquals, type Json } from '../kernel/json.js';
import { clean } from './custom-attributes.js';
import { parseDate, parseDay } from './dates.js';
import { toCountry, toLanguage } from './regions.js';
import { toTimeZone } from './time-zones.js';

/** `value: undefined` removes the attribute. With a problem and no `value` key the attribute stays as it is. */
export type StandardOutcome =
  { readonly value: Json | undefined; readonly problem?: string } | { readonly problem: string };

type Rule = (value: Json, current: Json | undefined, now: number) => StandardOutcome;

const MAX_TEXT = 255;

const text: Rule = (value) => {
  if (typeof value !== 'string') return { problem: 'must be a string' };
  return value.length > MAX_TEXT ? { problem: `must not be longer than ${MAX_TEXT} characters` } : { value };
};

const email: Rule = (value) => {
  if (typeof value !== 'string') return { problem: 'must be a string' };
  const address = value.trim();
  if (address === '') return { value: undefined };
  return isEmail(address) ? { value: address } : { problem: 'is not a valid email address' };
};

const phone: Rule = (value) => {
  if (typeof value !== 'string') return { problem: 'must be a string' };
  const number = value.trim();
  if (number === '') return { value: undefined };
  return isPhone(number) ? { value: number } : { problem: 'is not a valid phone number' };
};

const flag: Rule = (value) => (typeof value === 'boolean' ? { value } : { problem: 'must be true or false' });

const date: Rule = (value) => {
  const at = typeof value === 'string' ? parseDate(value) : null;
  return at === null ? { problem: 'is not a valid date' } : { value: new Date(at).toISOString() };
};

const object: Rule = (value) => {
  const known = isJsonObject(value) ? clean(value) : undefined;
  return known === undefined ? { problem: 'must be an object without null or invalid values' } : { value: known };
};

const pushTokens: Rule = (value, current) => {
  if (!Array.isArray(value)) return { problem: 'must be an array' };
  const tokens = Array.isArray(current) ? [...(current as readonly Json[])] : [];
  for (const token of value as readonly Json[]) {
    if (!isJsonObject(token) || typeof token['app_id'] !== 'string' || typeof token['token'] !== 'string') {
      return { problem: "must hold objects with 'app_id' and 'token'" };
    }
    const { app_id, token: secret, device_id } = token;
    const kept = { app_id, token: secret, ...(typeof device_id === 'string' ? { device_id } : {}) };
    if (!tokens.some((known) => jsonEquals(known, kept))) tokens.push(kept);
  }
  return { value: tokens };
};

const RULES: Readonly<Record<string, Rule>> = {
  first_name: text,
  last_name: text,
  home_city: text,
  email,
  phone,
  // Best effort; what cannot be mapped becomes null.
  country: (value) => {
    if (typeof value !== 'string') return { problem: 'must be a string' };
    const code = toCountry(value);
    return code === null ? { value: undefined, problem: 'is not a known country' } : { value: code };
  },
  language: (value) => {
    const code = typeof value === 'string' ? toLanguage(value) : null;
    return code === null ? { problem: 'must be an ISO 639-1 language code' } : { value: code };
  },
  time_zone: (value) => {
    const zone = typeof value === 'string' ? toTimeZone(value) : null;
    return zone === null ? { problem: 'is not a known time zone' } : { value: zone };
  },
  dob: (value, _current, now) => {
    const at = typeof value === 'string' ? parseDay(value) : null;
    return at === null || at > now ? { problem: 'must be a past date as YYYY-MM-DD' } : { value };
  },
  gender: (value) => {
    const letter = typeof value === 'string' ? value.toUpperCase() : '';
    return /^[MFONP]$/.test(letter) ? { value: letter } : { problem: 'must be one of M, F, O, N, P or null' };
  },
  current_location: (value) => {
    if (!isJsonObject(value)) return { problem: 'must be an object' };
    const { longitude, latitude } = value;
    return isWithin(longitude, 180) && isWithin(latitude, 90)
      ? { value: { longitude, latitude } }
      : { problem: "must have a 'longitude' and a 'latitude'" };
  },
  date_of_first_session: date,
  date_of_last_session: date,
  marked_email_as_spam_at: date,
  email_open_tracking_disabled: flag,
  email_click_tracking_disabled: flag,
  push_tokens: pushTokens,
  facebook: object,
  twitter: object,
};

export function isStandardAttribute(name: string): boolean {
  return Object.hasOwn(RULES, name);
}

/** What a standard attribute becomes when `value` is sent for it; `null` removes it. */
export function standardAttribute(name: string, value: Json, current: Json | undefined, now: number): StandardOutcome {
  if (value === null) return { value: undefined };
  return RULES[name]?.(value, current, now) ?? { problem: 'is not a standard attribute' };
}

/** Loose on purpose: one @, something on both sides, no blanks; at most 255 characters (it is indexed). */
export function isEmail(address: string): boolean {
  return address.length <= MAX_TEXT && /^[^\s@\0]+@[^\s@\0]+$/.test(address);
}

/** E.164 is advised, not demanded: digits with the usual separators. */
export function isPhone(number: string): boolean {
  return number.length <= 40 && /^\+?[0-9 ()./-]*[0-9][0-9 ()./-]*$/.test(number);
}

function isWithin(value: Json | undefined, limit: number): value is number {
  return typeof value === 'number' && Math.abs(value) <= limit;
}
