/** What the specs of this room share: a profile, facts, and an entry driven over virtual time without a database. */
import { isJsonObject, type Json, type JsonObject } from '../kernel/json.js';
import { NO_HISTORY, type ProfileFacts, type Subject } from '../segments/subject.js';
import { advance } from './advance.js';
import { compile, type CompiledJourney } from './compile.js';
import type { Advance, AdvanceInput, Effect, EntryState, Facts, TrailItem } from './decision.js';
import type { Definition } from './definition.js';
import { validate } from './validate.js';

export const NOON = Date.UTC(2026, 10, 24, 12);

export function profileOf(changes: Partial<ProfileFacts> = {}): ProfileFacts {
  return {
    id: '019a0000-0000-7000-8000-000000000001',
    externalId: 'u1',
    aliases: [],
    standard: { first_name: 'Ada' },
    custom: {},
    subscriptions: {},
    bucket: 42,
    createdAt: NOON,
    ...changes,
  };
}

export function subjectOf(changes: Partial<Subject> = {}): Subject {
  return {
    profile: profileOf(),
    history: NO_HISTORY,
    journeys: {},
    webhooks: {},
    context: {},
    properties: {},
    companyTimeZone: 'UTC',
    ...changes,
  };
}

/** Enough of `/users/track` for custom attributes. */
export function mergeCustom(profile: ProfileFacts, attributes: JsonObject): ProfileFacts {
  const custom: Record<string, Json> = { ...profile.custom };
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null) delete custom[name];
    else if (isJsonObject(value) && typeof value['inc'] === 'number') {
      custom[name] = (typeof custom[name] === 'number' ? custom[name] : 0) + value['inc'];
    } else if (isJsonObject(value) && Array.isArray(value['add'])) {
      custom[name] = [...((custom[name] as Json[] | undefined) ?? []), ...(value['add'] as Json[])];
    } else if (isJsonObject(value) && Array.isArray(value['remove'])) {
      const gone = value['remove'] as Json[];
      custom[name] = ((custom[name] as Json[] | undefined) ?? []).filter((item) => !gone.includes(item));
    } else custom[name] = value;
  }
  return { ...profile, custom };
}

export function factsOf(changes: Partial<Facts> = {}): Facts {
  return {
    now: NOON,
    entry: { id: 'e1', enteredAt: changes.now ?? NOON, variant: null, journeyKey: 'test', journeyName: 'Test' },
    subject: subjectOf(),
    stopped: false,
    merge: mergeCustom,
    ...changes,
  };
}

export function stateOf(changes: Partial<EntryState> = {}): EntryState {
  return {
    step: null,
    visit: 0,
    arrivedAt: NOON,
    dueAt: null,
    memory: null,
    exitReason: null,
    context: {},
    ...changes,
  };
}

/** A journey of these steps that an API call lets users into. */
export function journeyOf(steps: Record<string, unknown>, rest: Record<string, unknown> = {}): CompiledJourney {
  return compile(
    definitionOf({
      schema: 1,
      key: 'test',
      name: 'Test',
      entry: { trigger: { type: 'api' } },
      start: Object.keys(steps)[0],
      ...rest,
      steps,
    }),
  );
}

export function definitionOf(document: unknown): Definition {
  const { issues, definition } = validate(document);
  if (!definition) throw new Error(`not valid: ${JSON.stringify(issues.filter(({ level }) => level === 'error'))}`);
  return definition;
}

/** One entry over virtual time. Every input goes through JSON, as it would through the database. */
export class Drive {
  state: EntryState;
  status: Advance['status'] = 'active';
  reason: string | null = null;
  effects: Effect[] = [];
  trail: TrailItem[] = [];
  now: number;
  readonly enteredAt: number;

  constructor(
    readonly journey: CompiledJourney,
    private readonly options: {
      profile?: ProfileFacts;
      context?: JsonObject;
      now?: number;
      enteredAt?: number;
      subject?: Partial<Subject>;
    } = {},
  ) {
    this.now = options.now ?? NOON;
    this.enteredAt = options.enteredAt ?? this.now;
    this.profile = options.profile ?? profileOf();
    this.state = stateOf({ context: options.context ?? {}, arrivedAt: this.now });
  }

  profile: ProfileFacts;
  stopped = false;

  start(): this {
    return this.input({ type: 'start' });
  }

  input(input: AdvanceInput): this {
    const subject = subjectOf({ ...this.options.subject, profile: this.profile, context: this.state.context });
    const entry = { id: 'e1', enteredAt: this.enteredAt, variant: null, journeyKey: 'test', journeyName: 'Test' };
    const facts: Facts = { now: this.now, entry, subject, stopped: this.stopped, merge: mergeCustom };
    const result = advance(this.journey, this.state, input, facts);
    this.state = JSON.parse(JSON.stringify(result.state)) as EntryState;
    this.status = result.status;
    this.reason = result.reason;
    this.profile = result.profile;
    this.effects.push(...result.effects);
    this.trail.push(...result.trail);
    return this;
  }

  /** Moves the clock to when the step's timer is due and rings it. */
  ring(): this {
    if (this.state.dueAt === null) throw new Error('nothing is due');
    this.now = Math.max(this.now, this.state.dueAt);
    return this.input({ type: 'timer' });
  }

  /** Word of the delivery of the step the entry is in. */
  word(
    outcome: 'attempted' | 'delivered' | 'failed' | 'aborted' | 'expired' | 'cancelled',
    more: { captured?: JsonObject; reason?: string; status?: number; visit?: number; invalid?: boolean } = {},
  ): this {
    const {
      captured = {},
      reason = null,
      status = outcome === 'delivered' ? 200 : null,
      visit = this.state.visit,
    } = more;
    return this.input({
      type: 'delivery',
      visit,
      deliveryId: 'd1',
      outcome,
      reason,
      status,
      captured,
      ...(more.invalid ? { invalid: true } : {}),
    });
  }

  act(path: number, properties: JsonObject = {}, visit = this.state.visit): this {
    return this.input({ type: 'action', visit, path, properties, at: this.now, name: 'event "x"' });
  }

  /** Steps entered, in order. */
  get visited(): string[] {
    return this.trail.filter(({ what }) => what === 'entered').map(({ step }) => step);
  }

  get lastLine(): TrailItem {
    return this.trail.at(-1)!;
  }
}
