/**
 * What ingest hands on. A happening is one thing that befell one profile: an event, a purchase, or a change of its
 * attributes. The engine listens: `IngestListener` is called inside the transaction that stores the happenings, so that
 * what it writes (entries, signals) is committed with them or not at all.
 */
import { isJsonObject, jsonEquals, type Json, type JsonObject } from '../kernel/json.js';
import type { Sql, Transaction } from '../persistence/database.js';
import type { ProfileFacts } from '../segments/subject.js';

export interface ProfileRef {
  readonly lane: number;
  readonly id: string;
}

/** One attribute or subscription that is not what it was. */
export interface Change {
  readonly kind: 'attribute' | 'subscription';
  /** Custom attribute `plan`, standard attribute `$email`, or the key of a subscription group (`email`, `push`). */
  readonly name: string;
  /** `undefined`: there was none. */
  readonly from: Json | undefined;
  /** `undefined`: it was removed. */
  readonly to: Json | undefined;
}

export interface Happening {
  readonly lane: number;
  readonly profileId: string;
  readonly kind: 'event' | 'purchase' | 'attributes';
  /** Event name, product id, or `''`. */
  readonly name: string;
  /** Epoch milliseconds, never later than the moment of receipt. */
  readonly at: number;
  readonly properties: JsonObject;
  readonly currency?: string;
  readonly price?: number;
  /** Counts as that many purchases. */
  readonly quantity?: number;
  /** Of `attributes`. */
  readonly changed?: readonly Change[];
}

/** What one transaction of ingest did to the profiles that somebody listens to. */
export interface ReactBatch {
  readonly workspace: number;
  /** Epoch milliseconds. */
  readonly now: number;
  /** By profile id. `before` is `null` when this transaction created the profile. Every one of them is locked. */
  readonly profiles: ReadonlyMap<
    string,
    { readonly lane: number; readonly before: ProfileFacts | null; readonly after: ProfileFacts }
  >;
  /** Those that somebody listens to, in order. */
  readonly happenings: readonly Happening[];
  /** How many reactions deep this is: 0 for what came from outside. */
  readonly depth: number;
}

/** Who is told of happenings. A class, so that it can be injected without its implementation being known here. */
export abstract class IngestListener {
  /**
   * Everything live that listens: `event:NAME`, `purchase:PRODUCT`, `purchase:*`, `attribute:NAME`,
   * `subscription:GROUP`, `session`, `audience`. Read in the transaction, so that a journey launched before it began is heard.
   */
  abstract topics(tx: Sql, workspace: number): Promise<ReadonlySet<string>>;

  /**
   * Called once per transaction if a happening has one of the topics, before the happenings are stored: the database
   * knows the past without them. What it throws undoes the transaction.
   */
  abstract react(tx: Transaction, batch: ReactBatch): Promise<void>;
}

/**
 * The topics a happening concerns. An attribute's topic does not come up for arrays and arrays of objects; for a nested
 * object it comes up for the attribute and for each path in it that changed (`address`, `address.city`): Braze's rule
 * for "attribute changes" triggers. `audience` always comes up: any happening may change who matches a filter.
 */
export function topicsOfHappening(happening: Happening): string[] {
  switch (happening.kind) {
    case 'event':
      return [`event:${happening.name}`, 'audience'];
    case 'purchase':
      return [`purchase:${happening.name}`, 'purchase:*', 'audience'];
    case 'attributes': {
      const topics = new Set<string>();
      for (const change of happening.changed ?? []) {
        if (change.kind === 'subscription') topics.add(`subscription:${change.name}`);
        else addAttributeTopics(topics, change.name, change.from, change.to);
        if (change.name === '$date_of_last_session' && change.to !== undefined) topics.add('session');
      }
      topics.add('audience');
      return [...topics];
    }
  }
}

function addAttributeTopics(topics: Set<string>, path: string, from: Json | undefined, to: Json | undefined): void {
  if (Array.isArray(from) || Array.isArray(to) || jsonEquals(from, to)) return;
  topics.add(`attribute:${path}`);
  if (!isJsonObject(from) && !isJsonObject(to)) return;
  const before = isJsonObject(from) ? from : {};
  const after = isJsonObject(to) ? to : {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    addAttributeTopics(topics, `${path}.${key}`, before[key], after[key]);
  }
}
