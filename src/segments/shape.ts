import type { Json } from '../kernel/json.js';
import type { OperatorName, TIME_OPERATOR_NAMES } from './operators/registry.js';

/** `attribute`: of the profile, `$name` for a standard one, dots reach into objects. */
export interface AttributeLeaf {
  readonly attribute: string;
  readonly op: OperatorName;
  readonly value?: Json;
}

/** `property`: of the event at hand. */
export interface PropertyLeaf {
  readonly property: string;
  readonly op: OperatorName;
  readonly value?: Json;
}

/** `context`: a variable of the entry's context. */
export interface ContextLeaf {
  readonly context: string;
  readonly op: OperatorName;
  readonly value?: Json;
}

/** Without `op` and `count`: at least once. `within`: ISO 8601. */
interface Counted {
  readonly op?: 'at_least' | 'at_most' | 'exactly';
  readonly count?: number;
  readonly within?: string;
  readonly where?: Filter;
}

export interface EventLeaf extends Counted {
  readonly event: string;
}

/** `*` is any product. */
export interface PurchaseLeaf extends Counted {
  readonly purchase: string;
}

export interface LastEventLeaf {
  readonly last_event: string;
  readonly op: (typeof TIME_OPERATOR_NAMES)[number];
  readonly value?: Json;
}

export interface SegmentLeaf {
  readonly segment: string;
}

/** Both ends included, 0–9999. */
export interface BucketLeaf {
  readonly bucket: readonly [number, number];
}

export interface SubscriptionLeaf {
  readonly subscription: string;
  readonly is: 'subscribed' | 'unsubscribed';
}

export interface JourneyLeaf {
  readonly journey: string;
  readonly is: 'entered' | 'inside' | 'completed' | 'converted' | 'in_control';
  readonly within?: string;
}

/** Journey key, or `*` for any. */
export interface WebhookSentLeaf {
  readonly webhook_sent: string;
  readonly within?: string;
}

export type Comparison = AttributeLeaf | PropertyLeaf | ContextLeaf;

export type Leaf =
  | Comparison
  | EventLeaf
  | PurchaseLeaf
  | LastEventLeaf
  | SegmentLeaf
  | BucketLeaf
  | SubscriptionLeaf
  | JourneyLeaf
  | WebhookSentLeaf;

export type Filter =
  { readonly all: readonly Filter[] } | { readonly any: readonly Filter[] } | { readonly not: Filter } | Leaf;

export const FILTER_LIMITS = {
  /** Levels of JSON, `all`, `any`, `not` and `where` included. */
  depth: 24,
  /** Comparisons in one filter. */
  leaves: 200,
} as const;

/** Breadth first, so that depth itself cannot hurt. */
export function isTooDeep(input: unknown): boolean {
  let level: unknown[] = [input];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > FILTER_LIMITS.depth) return true;
    level = level.flatMap((node): unknown[] => (typeof node === 'object' && node !== null ? Object.values(node) : []));
  }
  return false;
}
