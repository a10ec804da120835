/**
 * Reads the body of `POST /users/track`, which nobody has checked before. Written by hand because it is the hottest door
 * of the project. Pure. A body of the wrong shape is fatal; a bad item is left out and named, the others are taken.
 */
import type { Json, JsonObject } from '../../../kernel/json.js';
import { isJsonObject } from '../../../kernel/json.js';
import { parseDate } from '../../../profiles/dates.js';
import type {
  AttributesItem,
  EventItem,
  PurchaseItem,
  TrackArray,
  TrackProblem,
  TrackRequest,
} from '../../../profiles/track.js';
import { parseIdentity } from './parse-identity.js';
import { propertiesProblem } from './parse-properties.js';

/** Braze's legacy plans: 75 objects per array; newer plans count them together. */
export const TRACK_LIMIT = 75;
const MAX_NAME = 255;
const MAX_QUANTITY = 100;
const EVENT_BYTES = 100 * 1024;
const PURCHASE_BYTES = 50 * 1024;
const CURRENCIES = new Set(Intl.supportedValuesOf('currency'));

export type ParsedTrack =
  | {
      readonly ok: true;
      readonly request: TrackRequest;
      /** Arrays that were in the body: only these are counted in the answer. */
      readonly sent: readonly TrackArray[];
      readonly problems: readonly TrackProblem[];
    }
  | { readonly ok: false; readonly message: string; readonly errors: readonly string[] };

/** An item, or what is wrong with it. */
type Parsed<T> = T | string;

export function parseTrack(body: unknown, limit: number = TRACK_LIMIT): ParsedTrack {
  if (!isJsonObject(body)) return { ok: false, message: 'Bad Request', errors: ['the body must be a JSON object'] };
  const arrays = ARRAYS.filter((name) => body[name] !== undefined && body[name] !== null);
  const wrong = arrays.filter((name) => !Array.isArray(body[name]));
  if (wrong.length > 0) {
    return { ok: false, message: 'Bad Request', errors: wrong.map((name) => `'${name}' must be an array of objects`) };
  }
  if (arrays.length === 0) {
    return { ok: false, message: 'Bad Request', errors: ["one of 'attributes', 'events' and 'purchases' is required"] };
  }
  const long = arrays.filter((name) => (body[name] as readonly Json[]).length > limit);
  if (long.length > 0) {
    const errors = long.map(
      (name) => `'${name}' has ${(body[name] as readonly Json[]).length} objects, ${limit} are allowed`,
    );
    return { ok: false, message: 'Max Input Length Exceeded', errors };
  }
  const problems: TrackProblem[] = [];
  const request = {
    attributes: readItems(body, 'attributes', parseAttributes, problems),
    events: readItems(body, 'events', parseEvent, problems),
    purchases: readItems(body, 'purchases', parsePurchase, problems),
  };
  return { ok: true, request, sent: arrays, problems };
}

const ARRAYS = ['attributes', 'events', 'purchases'] as const;

function readItems<T extends object>(
  body: JsonObject,
  array: TrackArray,
  parse: (item: JsonObject, index: number) => Parsed<T>,
  problems: TrackProblem[],
): T[] {
  const items = (body[array] ?? []) as readonly Json[];
  const parsed: T[] = [];
  for (let index = 0; index < items.length; index++) {
    const item = items[index]!;
    const result = isJsonObject(item) ? parse(item, index) : 'must be an object';
    if (typeof result === 'string') problems.push({ array, index, problem: result });
    else parsed.push(result);
  }
  return parsed;
}

function parseAttributes(item: JsonObject, index: number): Parsed<AttributesItem> {
  const who = parseIdentity(item, true);
  return typeof who === 'string' ? who : { index, ...who, attributes: item };
}

function parseEvent(item: JsonObject, index: number): Parsed<EventItem> {
  const who = parseIdentity(item, false);
  if (typeof who === 'string') return who;
  const { name, properties } = item;
  const problem = nameProblem('name', name) ?? appIdProblem(item) ?? propertiesProblem(properties, EVENT_BYTES);
  if (problem !== null) return problem;
  const at = parseTime(item['time']);
  if (typeof at === 'string') return at;
  return { index, ...who, name: name as string, at, properties: (properties ?? NONE) as JsonObject };
}

function parsePurchase(item: JsonObject, index: number): Parsed<PurchaseItem> {
  const who = parseIdentity(item, false);
  if (typeof who === 'string') return who;
  const { product_id, price, properties } = item;
  const quantity = item['quantity'] ?? 1;
  const problem =
    nameProblem('product_id', product_id) ?? appIdProblem(item) ?? propertiesProblem(properties, PURCHASE_BYTES);
  if (problem !== null) return problem;
  const currency = parseCurrency(item['currency']);
  if (currency === null) return "'currency' must be an ISO 4217 code";
  if (price === undefined || price === null) return "'price' is required";
  if (typeof price !== 'number' || !Number.isFinite(price)) return "'price' must be a number";
  if (!isQuantity(quantity)) return `'quantity' must be a whole number from 1 to ${MAX_QUANTITY}`;
  const at = parseTime(item['time']);
  if (typeof at === 'string') return at;
  const of = { productId: product_id as string, at, currency, price, quantity };
  return { index, ...who, ...of, properties: (properties ?? NONE) as JsonObject };
}

const NONE: JsonObject = Object.freeze({});

function nameProblem(field: string, name: Json | undefined): string | null {
  if (name === undefined || name === null || name === '') return `'${field}' is required`;
  if (typeof name !== 'string') return `'${field}' must be a string`;
  if (name.length > MAX_NAME) return `'${field}' must not be longer than ${MAX_NAME} characters`;
  return name.includes('\0') ? `'${field}' must not contain U+0000` : null;
}

function appIdProblem({ app_id }: JsonObject): string | null {
  return app_id === undefined || app_id === null || typeof app_id === 'string' ? null : "'app_id' must be a string";
}

function parseTime(time: Json | undefined): Parsed<number> {
  if (time === undefined || time === null) return "'time' is required";
  const at = typeof time === 'string' ? parseDate(time) : null;
  return at ?? "'time' must be an ISO 8601 date";
}

function parseCurrency(currency: Json | undefined): string | null {
  const code = typeof currency === 'string' ? currency.toUpperCase() : '';
  return CURRENCIES.has(code) ? code : null;
}

function isQuantity(quantity: Json): quantity is number {
  return typeof quantity === 'number' && Number.isInteger(quantity) && quantity >= 1 && quantity <= MAX_QUANTITY;
}
