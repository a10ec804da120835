import type { Json } from '../kernel/json.js';
import type {
  Comparison,
  EventLeaf,
  JourneyLeaf,
  LastEventLeaf,
  Leaf,
  PurchaseLeaf,
  WebhookSentLeaf,
} from './shape.js';

const LONGEST = 80;

/** How a leaf reads in a timeline: `plan equals "pro"`. `value`: the right side as it came out. */
export function describeLeaf(leaf: Leaf, value?: Json): string {
  if ('event' in leaf || 'purchase' in leaf) return describeCount(leaf);
  if ('segment' in leaf) return `in segment "${leaf.segment}"`;
  if ('bucket' in leaf) return `random bucket between ${leaf.bucket[0]} and ${leaf.bucket[1]}`;
  if ('subscription' in leaf) return `${leaf.subscription} ${leaf.is}`;
  if ('journey' in leaf) return `journey "${leaf.journey}" ${leaf.is}${within(leaf)}`;
  if ('webhook_sent' in leaf)
    return `webhook of ${leaf.webhook_sent === '*' ? 'any journey' : `"${leaf.webhook_sent}"`} sent${within(leaf)}`;
  return describeComparison(leaf, value);
}

function describeComparison(leaf: Comparison | LastEventLeaf, value: Json | undefined): string {
  const right = value === undefined ? '' : ` ${shorten(JSON.stringify(value))}`;
  return `${leftOf(leaf)} ${leaf.op.replaceAll('_', ' ')}${right}`;
}

function leftOf(leaf: Comparison | LastEventLeaf): string {
  if ('attribute' in leaf) return leaf.attribute;
  if ('property' in leaf) return `property ${leaf.property}`;
  if ('context' in leaf) return `context ${leaf.context}`;
  return `last event "${leaf.last_event}"`;
}

function describeCount(leaf: EventLeaf | PurchaseLeaf): string {
  const what =
    'event' in leaf
      ? `event "${leaf.event}"`
      : leaf.purchase === '*'
        ? 'any purchase'
        : `purchase of "${leaf.purchase}"`;
  const times = `${(leaf.op ?? 'at_least').replaceAll('_', ' ')} ${leaf.count ?? 1}`;
  return `${what} ${times}${within(leaf)}${leaf.where === undefined ? '' : ' with matching properties'}`;
}

function within(leaf: EventLeaf | PurchaseLeaf | JourneyLeaf | WebhookSentLeaf): string {
  return leaf.within === undefined ? '' : ` within ${leaf.within}`;
}

function shorten(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}
