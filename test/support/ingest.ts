/** What tests of ingest share: items of requests, and a listener that notes what it is told. */
import type { JsonObject } from '../../src/kernel/json.js';
import type { Sql, Transaction } from '../../src/persistence/database.js';
import { IngestListener, type ReactBatch } from '../../src/profiles/happening.js';
import type { Identity } from '../../src/profiles/identity.js';
import type { AttributesItem, EventItem, PurchaseItem, TrackRequest } from '../../src/profiles/track.js';

export class NotingListener extends IngestListener {
  readonly batches: ReactBatch[] = [];
  /** Called in the transaction, after the batch was noted. */
  onReact: (tx: Transaction, batch: ReactBatch) => Promise<void> = () => Promise.resolve();

  constructor(private readonly heard: readonly string[] = []) {
    super();
  }

  topics(_tx: Sql, _workspace: number): Promise<ReadonlySet<string>> {
    return Promise.resolve(new Set(this.heard));
  }

  react(tx: Transaction, batch: ReactBatch): Promise<void> {
    this.batches.push(batch);
    return this.onReact(tx, batch);
  }
}

export const external = (value: string): Identity => ({ kind: 'external_id', value });
export const alias = (name: string, label = 'crm'): Identity => ({ kind: 'alias', name, label });
export const email = (value: string): Identity => ({ kind: 'email', value });

export const attributes = (who: Identity | string, values: JsonObject, mayCreate = true): AttributesItem => ({
  ...item(who, mayCreate),
  attributes: values,
});

export const event = (who: Identity | string, name: string, at = 0, mayCreate = true): EventItem => ({
  ...item(who, mayCreate),
  name,
  at,
  properties: { from: 'test' },
});

export const purchase = (who: Identity | string, productId: string, quantity = 1, at = 0): PurchaseItem => ({
  ...item(who, true),
  productId,
  at,
  currency: 'EUR',
  price: 9.99,
  quantity,
  properties: {},
});

export const request = (parts: Partial<TrackRequest>): TrackRequest => ({
  attributes: [],
  events: [],
  purchases: [],
  ...parts,
});

function item(who: Identity | string, mayCreate: boolean): { index: number; identity: Identity; mayCreate: boolean } {
  return { index: 0, identity: typeof who === 'string' ? external(who) : who, mayCreate };
}
