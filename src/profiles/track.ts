/** What ingest takes and answers: `/users/track` without its wire format. */
import type { JsonObject } from '../kernel/json.js';
import type { Identity } from './identity.js';

export type TrackArray = 'attributes' | 'events' | 'purchases';

interface Item {
  /** Place in the array the caller sent, for problems. */
  readonly index: number;
  readonly identity: Identity;
  /** Creates the profile when there is none; otherwise the item is passed over. */
  readonly mayCreate: boolean;
}

export interface AttributesItem extends Item {
  /** A `/users/track` attributes object, operators included; identifier keys in it are passed over. */
  readonly attributes: JsonObject;
}

export interface EventItem extends Item {
  readonly name: string;
  /** Epoch milliseconds; a time in the future is stored as now. */
  readonly at: number;
  readonly properties: JsonObject;
}

export interface PurchaseItem extends Item {
  readonly productId: string;
  readonly at: number;
  /** ISO 4217. */
  readonly currency: string;
  readonly price: number;
  readonly quantity: number;
  readonly properties: JsonObject;
}

/** Applied in this order: attributes, events, purchases. */
export interface TrackRequest {
  readonly attributes: readonly AttributesItem[];
  readonly events: readonly EventItem[];
  readonly purchases: readonly PurchaseItem[];
}

export interface TrackProblem {
  readonly array: TrackArray;
  readonly index: number;
  readonly problem: string;
}

export interface TrackResult {
  /** Items taken, those included that were passed over because nobody was there to update. */
  readonly processed: Readonly<Record<TrackArray, number>>;
  /** Attributes that were skipped, one line each. */
  readonly problems: readonly TrackProblem[];
}
