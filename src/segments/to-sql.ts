/**
 * A filter as a condition over `profile p`, for audiences: `select … from profile p where p.workspace = $1 and (<text>)`.
 *
 * What SQL cannot say exactly becomes what is certainly not too narrow: a value that Liquid works out per profile, a regular
 * expression whose dialects may differ, what only the journeys' readers know (`converted`, `in_control`). Then `exact` is
 * false and whoever asks evaluates the rows once more in memory. There is no entry and no event at hand: context and event
 * properties are empty outside of `where`.
 */
import { parseDuration } from '../kernel/duration.js';
import { STANDARD_ALIASES } from '../liquid/scope.js';
import { NEVER, type Expected, type SqlMoment } from './operators/operator.js';
import { OPERATORS } from './operators/registry.js';
import { isInstantOperator } from './operators/time.js';
import { Parameters } from './parameters.js';
import { rightSide, type RightSide } from './right-side.js';
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
import { NO_HISTORY, type HappeningKind, type Subject } from './subject.js';

export interface SqlOptions {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly companyTimeZone: string;
  /** Number of the first placeholder; 1 by default. */
  readonly firstParameter?: number;
}

export interface SqlCondition {
  /** A boolean expression over the alias `p`, never null. */
  readonly text: string;
  readonly values: readonly unknown[];
  /** False: it holds for everybody the filter holds for, and maybe for others. */
  readonly exact: boolean;
}

export function toSql(filter: Filter, options: SqlOptions): SqlCondition {
  const parameters = new Parameters(options.firstParameter ?? 1);
  const writer = new Writer(parameters, Math.floor(options.now), options.companyTimeZone);
  const { text, exact } = writer.filter(filter, { widen: true, properties: null });
  return { text, values: parameters.values, exact };
}

/** Whether SQL says exactly what the filter says. */
export function isSqlable(filter: Filter): boolean {
  return toSql(filter, { now: 0, companyTimeZone: 'UTC' }).exact;
}

interface Place {
  /** What stands for the unsayable: true where more is safe, false where less is (under `not`). */
  readonly widen: boolean;
  /** jsonb expression of the properties of the event at hand; `null`: there is none. */
  readonly properties: string | null;
}

interface Written {
  readonly text: string;
  readonly exact: boolean;
}

/** Namespaces of Liquid that are the same for every profile of an audience. */
const CONSTANT = new Set(['context', 'canvas_entry_properties', 'api_trigger_properties', 'event_properties']);

const exactly = (text: string): Written => ({ text, exact: true });

class Writer {
  private aliases = 0;
  /** Nobody in particular: what templates that read no profile are rendered for. */
  private readonly nobody: Subject;

  constructor(
    private readonly parameters: Parameters,
    private readonly now: number,
    private readonly companyTimeZone: string,
  ) {
    this.nobody = {
      profile: {
        id: '',
        externalId: null,
        aliases: [],
        standard: {},
        custom: {},
        subscriptions: {},
        bucket: 0,
        createdAt: 0,
      },
      history: NO_HISTORY,
      journeys: {},
      webhooks: {},
      context: {},
      properties: {},
      companyTimeZone,
    };
  }

  filter(filter: Filter, place: Place): Written {
    if ('all' in filter)
      return join(
        filter.all.map((part) => this.filter(part, place)),
        ' and ',
      );
    if ('any' in filter)
      return join(
        filter.any.map((part) => this.filter(part, place)),
        ' or ',
      );
    if ('not' in filter) {
      const inner = this.filter(filter.not, { ...place, widen: !place.widen });
      return { text: `not (${inner.text})`, exact: inner.exact };
    }
    return this.leaf(filter, place) ?? { text: String(place.widen), exact: false };
  }

  /** `null`: SQL has no word for it. */
  private leaf(leaf: Leaf, place: Place): Written | null {
    if ('attribute' in leaf || 'property' in leaf || 'context' in leaf) return this.comparison(leaf, place);
    if ('last_event' in leaf) return this.lastEvent(leaf);
    if ('event' in leaf) return this.count(leaf, 'event', leaf.event, place);
    if ('purchase' in leaf) return this.count(leaf, 'purchase', leaf.purchase, place);
    if ('journey' in leaf) return this.journey(leaf);
    if ('webhook_sent' in leaf) return this.webhook(leaf);
    if ('bucket' in leaf) {
      const [from, to] = leaf.bucket;
      return exactly(
        `p.bucket between ${this.parameters.add(from, 'smallint')} and ${this.parameters.add(to, 'smallint')}`,
      );
    }
    if ('subscription' in leaf) {
      const { subscription } = leaf;
      const otherwise = subscription === 'email' || subscription === 'push' ? 'subscribed' : 'unsubscribed';
      const state = `coalesce(p.subscriptions ->> ${this.parameters.add(subscription, 'text')}, '${otherwise}')`;
      return exactly(`${state} ${leaf.is === 'subscribed' ? '<>' : '='} 'unsubscribed'`);
    }
    return exactly(NEVER);
  }

  private comparison(leaf: Comparison, place: Place): Written | null {
    const right = rightSide(leaf.value);
    return this.attempt(() => {
      const actual = this.leftSide(leaf, place);
      // No entry and no event: nothing is there.
      if (actual === null) return exactly(String(leaf.op === 'does_not_exist'));
      const expected = this.expected(right);
      if (expected === null) return null;
      if ('problem' in expected) return exactly(NEVER);
      const text = OPERATORS[leaf.op].sql(actual, expected, this.moment());
      if (text === null) return null;
      return exactly(text === NEVER ? NEVER : `coalesce(${text}, false)`);
    });
  }

  /** Takes back the parameters of what came to nothing or to a constant. */
  private attempt(write: () => Written | null): Written | null {
    const mark = this.parameters.mark();
    const written = write();
    if (written === null || written.text === 'true' || written.text === 'false') this.parameters.reset(mark);
    return written;
  }

  private leftSide(leaf: Comparison, { properties }: Place): string | null {
    if ('attribute' in leaf) return this.attribute(leaf.attribute);
    return 'property' in leaf && properties !== null ? this.reach(properties, leaf.property) : null;
  }

  private lastEvent(leaf: LastEventLeaf): Written | null {
    const operator = OPERATORS[leaf.op];
    return this.attempt(() => {
      const expected = this.expected(rightSide(leaf.value));
      if (expected === null || !isInstantOperator(operator)) return null;
      if ('problem' in expected) return exactly(NEVER);
      const last = `(select round(extract(epoch from max(c.last_at)) * 1000)::bigint from event_count c where ${this.happenings('c', 'event', leaf.last_event)})`;
      const text = operator.sqlAt(last, 'false', expected, this.moment());
      return exactly(text === NEVER ? NEVER : `coalesce(${text}, false)`);
    });
  }

  private count(leaf: EventLeaf | PurchaseLeaf, kind: HappeningKind, name: string, place: Place): Written | null {
    const wanted = leaf.count ?? 1;
    const op = leaf.op ?? 'at_least';
    const sign = { at_least: '>=', at_most: '<=', exactly: '=' }[op];
    const within = leaf.within === undefined ? null : parseDuration(leaf.within);
    if (leaf.within === undefined && leaf.where === undefined) {
      const total = `(select coalesce(sum(c.count), 0) from event_count c where ${this.happenings('c', kind, name)})`;
      return exactly(`${total} ${sign} ${this.parameters.add(String(wanted), 'numeric')}`);
    }
    return this.attempt(() => {
      const alias = `e${++this.aliases}`;
      const conditions = [this.happenings(alias, kind, name)];
      // What happened at a time was received no earlier: that spares the older partitions.
      if (within !== null) {
        const since = this.now - within;
        conditions.push(`${alias}.at >= ${this.time(since)}`, `${alias}.received_at >= ${this.time(since)}`);
      }
      let exact = true;
      if (leaf.where) {
        // More events are safe for "at least", fewer for "at most", neither for "exactly".
        const widen = op === 'at_most' ? !place.widen : place.widen;
        const where = this.filter(leaf.where, { widen, properties: `${alias}.properties` });
        exact = where.exact;
        if (!exact && op === 'exactly') return null;
        conditions.push(`(${where.text})`);
      }
      const total = `(select coalesce(sum(coalesce(${alias}.quantity, 1)), 0) from event ${alias} where ${conditions.join(' and ')})`;
      return { text: `${total} ${sign} ${this.parameters.add(String(wanted), 'numeric')}`, exact };
    });
  }

  private happenings(alias: string, kind: HappeningKind, name: string): string {
    const named =
      kind === 'purchase' && name === '*' ? '' : ` and ${alias}.name = ${this.parameters.add(name, 'text')}`;
    return `${alias}.lane = p.lane and ${alias}.profile_id = p.id and ${alias}.kind = '${kind}'${named}`;
  }

  private journey(leaf: JourneyLeaf): Written | null {
    if (leaf.is === 'converted' || leaf.is === 'in_control') return null;
    const conditions = [`n.lane = p.lane and n.profile_id = p.id`, this.journeyNamed('n.journey_id', leaf.journey)];
    if (leaf.is === 'inside') conditions.push(`n.status in ('active', 'parked', 'errored')`);
    if (leaf.is === 'completed') conditions.push(`n.status = 'completed'`);
    if (leaf.is !== 'inside') this.since(leaf, leaf.is === 'entered' ? 'n.entered_at' : 'n.ended_at', conditions);
    return exactly(`exists (select from entry n where ${conditions.join(' and ')})`);
  }

  private webhook(leaf: WebhookSentLeaf): Written {
    const conditions = [`n.lane = p.lane and n.profile_id = p.id`, `d.status = 'delivered'`];
    if (leaf.webhook_sent !== '*') conditions.push(this.journeyNamed('n.journey_id', leaf.webhook_sent));
    this.since(leaf, 'd.finished_at', conditions);
    const from = 'entry n join delivery d on d.lane = n.lane and d.entry_id = n.id';
    return exactly(`exists (select from ${from} where ${conditions.join(' and ')})`);
  }

  private journeyNamed(id: string, key: string): string {
    return `${id} = (select j.id from journey j where j.workspace = p.workspace and j.key = ${this.parameters.add(key, 'text')})`;
  }

  private since({ within }: { readonly within?: string }, column: string, conditions: string[]): void {
    const ms = within === undefined ? null : parseDuration(within);
    if (ms !== null) conditions.push(`${column} >= ${this.time(this.now - ms)}`);
  }

  private time(at: number): string {
    return `to_timestamp(${this.parameters.add(at, 'bigint')}::numeric / 1000)`;
  }

  /** The right side; `null`: it differs from profile to profile. */
  private expected(right: RightSide): Expected | { readonly problem: string } | null {
    const varies = right.templates.some(({ uses }) => uses.some(({ namespace }) => !CONSTANT.has(namespace)));
    return varies ? null : right.expected({ now: this.now, subject: this.nobody });
  }

  private attribute(name: string): string {
    if (!name.startsWith('$')) return this.reach('p.custom', name);
    const [root = '', ...inside] = name.slice(1).split('.');
    return `(${[this.standard(root), ...inside.map((key) => this.parameters.add(key, 'text'))].join(' -> ')})`;
  }

  private standard(name: string): string {
    if (name === 'user_id' || name === 'external_id') return 'to_jsonb(p.external_id)';
    if (name === 'braze_id') return 'to_jsonb(p.id::text)';
    if (name === 'random_bucket_number') return 'to_jsonb(p.bucket)';
    const alias = Object.hasOwn(STANDARD_ALIASES, name) ? STANDARD_ALIASES[name] : undefined;
    const own = `p.standard -> ${this.parameters.add(name, 'text')}`;
    return alias === undefined ? `(${own})` : `coalesce(p.standard -> '${alias}', ${own})`;
  }

  /** The key itself, or with dots the one inside of it. */
  private reach(object: string, name: string): string {
    const whole = `${object} -> ${this.parameters.add(name, 'text')}`;
    if (!name.includes('.')) return `(${whole})`;
    const inside = name.split('.').map((key) => this.parameters.add(key, 'text'));
    return `coalesce(${whole}, ${[object, ...inside].join(' -> ')})`;
  }

  private moment(): SqlMoment {
    const { now, companyTimeZone, parameters } = this;
    return { now, zone: `(p.standard ->> 'time_zone')`, companyTimeZone, parameters };
  }
}

function join(parts: readonly Written[], word: ' and ' | ' or '): Written {
  return { text: parts.map(({ text }) => `(${text})`).join(word), exact: parts.every(({ exact }) => exact) };
}
