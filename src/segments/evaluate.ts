import { parseDuration } from '../kernel/duration.js';
import type { Json, JsonObject } from '../kernel/json.js';
import { subscribedState } from '../liquid/scope.js';
import { describeLeaf } from './describe.js';
import type {
  Comparison,
  EventLeaf,
  Filter,
  JourneyLeaf,
  LastEventLeaf,
  Leaf,
  PurchaseLeaf,
  WebhookSentLeaf,
} from './shape.js';
import { attributeOf, reach, zoneOf } from './left-side.js';
import type { Moment } from './operators/operator.js';
import { OPERATORS } from './operators/registry.js';
import { isInstantOperator } from './operators/time.js';
import { rightSide } from './right-side.js';
import type { HappeningKind, JourneyFact, Subject } from './subject.js';

export interface Verdict {
  readonly holds: boolean;
  /** What decided, for people: `plan equals "pro"`, `not (plan equals "pro")`. */
  readonly why: string;
}

/** One evaluation: the subject, and the properties `property` looks at (inside `where`, those of a past event). */
interface View {
  readonly subject: Subject;
  readonly now: number;
  readonly properties: JsonObject;
  /** Worked out when a comparison asks for it. */
  moment?: Moment;
}

type Check = (view: View) => Verdict;

/** Filters are parsed once with their journey and asked often: what can be prepared is prepared once. */
const prepared = new WeakMap<object, Check>();

/** Whether a filter holds for a profile. Never throws over data: what cannot be compared does not hold. */
export function evaluate(filter: Filter, subject: Subject, now: number): Verdict {
  return checkOf(filter)({ subject, now, properties: subject.properties });
}

function checkOf(filter: Filter): Check {
  let check = prepared.get(filter);
  if (!check) prepared.set(filter, (check = prepare(filter)));
  return check;
}

function prepare(filter: Filter): Check {
  if ('all' in filter) return decidedBy(filter.all.map(checkOf), false);
  if ('any' in filter) return decidedBy(filter.any.map(checkOf), true);
  if ('not' in filter) {
    const inner = checkOf(filter.not);
    return (view) => {
      const { holds, why } = inner(view);
      return { holds: !holds, why };
    };
  }
  return prepareLeaf(filter);
}

/** The first part that gives `deciding` decides; when none does, all of them do together. */
function decidedBy(checks: readonly Check[], deciding: boolean): Check {
  return (view) => {
    const reasons: string[] = [];
    for (const check of checks) {
      const verdict = check(view);
      if (verdict.holds === deciding) return verdict;
      reasons.push(verdict.why);
    }
    return { holds: !deciding, why: reasons.join(' and ') };
  };
}

function prepareLeaf(leaf: Leaf): Check {
  if ('attribute' in leaf || 'property' in leaf || 'context' in leaf) return prepareComparison(leaf);
  if ('last_event' in leaf) return prepareLastEvent(leaf);
  if ('event' in leaf) return prepareCount(leaf, 'event', leaf.event);
  if ('purchase' in leaf) return prepareCount(leaf, 'purchase', leaf.purchase);
  if ('journey' in leaf) return prepareJourney(leaf);
  if ('webhook_sent' in leaf) return prepareWebhook(leaf);
  if ('bucket' in leaf)
    return plainly(
      leaf,
      ({ subject }) => subject.profile.bucket >= leaf.bucket[0] && subject.profile.bucket <= leaf.bucket[1],
    );
  if ('subscription' in leaf) {
    return plainly(
      leaf,
      ({ subject }) =>
        (subscribedState(subject.profile, leaf.subscription) !== 'unsubscribed') === (leaf.is === 'subscribed'),
    );
  }
  // A saved segment: nobody is a member of one that does not exist.
  return plainly(leaf, () => false);
}

function plainly(leaf: Leaf, holds: (view: View) => boolean): Check {
  const text = describeLeaf(leaf);
  const yes: Verdict = { holds: true, why: text };
  const no: Verdict = { holds: false, why: `not (${text})` };
  return (view) => (holds(view) ? yes : no);
}

function prepareComparison(leaf: Comparison): Check {
  const operator = OPERATORS[leaf.op];
  return compared(leaf, (view, expected) => {
    const actual = leftSide(leaf, view);
    if (actual === undefined || actual === null) return leaf.op === 'does_not_exist';
    return operator.holds(actual, expected, momentOf(view));
  });
}

function leftSide(leaf: Comparison, { subject, properties }: View): Json | undefined {
  if ('attribute' in leaf) return attributeOf(subject.profile, leaf.attribute);
  return 'property' in leaf ? reach(properties, leaf.property) : reach(subject.context, leaf.context);
}

function prepareLastEvent(leaf: LastEventLeaf): Check {
  const operator = OPERATORS[leaf.op];
  return compared(leaf, (view, expected) => {
    const last = view.subject.history.stats('event', leaf.last_event)?.last;
    return last !== undefined && isInstantOperator(operator) && operator.holdsAt(last, false, expected, momentOf(view));
  });
}

/** A comparison with its right side, which is rendered first where it is Liquid. */
function compared(
  leaf: Comparison | LastEventLeaf,
  holds: (view: View, expected: { readonly value: Json | undefined; readonly rendered: boolean }) => boolean,
): Check {
  const right = rightSide(leaf.value);
  if (right.templates.length === 0) {
    const text = describeLeaf(leaf, leaf.value);
    const yes: Verdict = { holds: true, why: text };
    const no: Verdict = { holds: false, why: `not (${text})` };
    const expected = { value: leaf.value, rendered: false };
    return (view) => (holds(view, expected) ? yes : no);
  }
  return (view) => {
    const expected = right.expected({ now: view.now, subject: view.subject });
    if ('problem' in expected)
      return { holds: false, why: `${describeLeaf(leaf)} cannot be rendered: ${expected.problem}` };
    const text = describeLeaf(leaf, expected.value);
    return holds(view, expected) ? { holds: true, why: text } : { holds: false, why: `not (${text})` };
  };
}

function momentOf(view: View): Moment {
  const { subject, now } = view;
  return (view.moment ??= { now, zone: zoneOf(subject.profile), companyTimeZone: subject.companyTimeZone });
}

function prepareCount(leaf: EventLeaf | PurchaseLeaf, kind: HappeningKind, name: string): Check {
  const within = leaf.within === undefined ? null : parseDuration(leaf.within);
  const where = leaf.where && checkOf(leaf.where);
  const wanted = leaf.count ?? 1;
  const enough = {
    at_least: (n: number) => n >= wanted,
    at_most: (n: number) => n <= wanted,
    exactly: (n: number) => n === wanted,
  }[leaf.op ?? 'at_least'];
  return plainly(leaf, ({ subject, now }) => {
    if (leaf.within === undefined && !where) return enough(subject.history.stats(kind, name)?.count ?? 0);
    const since = within === null ? -Infinity : now - within;
    let count = 0;
    for (const { at, properties } of subject.history.list(kind, name)) {
      if (at >= since && (!where || where({ subject, now, properties }).holds)) count++;
    }
    return enough(count);
  });
}

function prepareJourney(leaf: JourneyLeaf): Check {
  const since = sinceOf(leaf);
  const times = { entered: 'entered', completed: 'completed', converted: 'converted' } as const;
  return plainly(leaf, ({ subject, now }) => {
    const fact: JourneyFact | undefined = Object.hasOwn(subject.journeys, leaf.journey)
      ? subject.journeys[leaf.journey]
      : undefined;
    if (!fact) return false;
    if (leaf.is === 'inside') return fact.inside;
    if (leaf.is === 'in_control') return fact.inControl;
    const at = fact[times[leaf.is]];
    return at !== null && at >= since(now);
  });
}

function prepareWebhook(leaf: WebhookSentLeaf): Check {
  const since = sinceOf(leaf);
  return plainly(leaf, ({ subject, now }) => {
    const at = Object.hasOwn(subject.webhooks, leaf.webhook_sent) ? subject.webhooks[leaf.webhook_sent] : undefined;
    return at !== undefined && at >= since(now);
  });
}

function sinceOf({ within }: { readonly within?: string }): (now: number) => number {
  const ms = within === undefined ? null : parseDuration(within);
  return (now) => (ms === null ? -Infinity : now - ms);
}
