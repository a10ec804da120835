/**
 * Triggers: what may let a profile in, take it out, or move it on. A trigger has topics, under which a happening is looked
 * up cheaply, and a predicate that decides whether the happening really is the one that was meant.
 */
import { z } from 'zod';
import { isJsonObject, jsonEquals, type Json, type JsonObject } from '../kernel/json.js';
import { evaluate } from '../segments/evaluate.js';
import { checkFilter, filterNeeds, filterSchema } from '../segments/filter.js';
import { NO_NEEDS, type Needs, type Subject } from '../segments/subject.js';
import type { Issues } from './issues.js';
import { json, KEY, nonEmpty } from './shapes.js';

const eventTrigger = z.strictObject({ event: nonEmpty(), where: filterSchema.optional() });
const purchaseTrigger = z.strictObject({ purchase: nonEmpty(), where: filterSchema.optional() });
const attributeTrigger = z.strictObject({ attribute_changed: nonEmpty(), from: json.optional(), to: json.optional() });
const subscriptionTrigger = z.strictObject({
  subscription_changed: nonEmpty(),
  to: z.enum(['subscribed', 'unsubscribed', 'opted_in']).optional(),
});
const enteredTrigger = z.strictObject({ entered_journey: z.string().regex(KEY) });
const convertedTrigger = z.strictObject({
  converted: z.strictObject({ journey: z.string().regex(KEY), index: z.int().min(0).max(3) }),
});
const sessionTrigger = z.strictObject({ session_start: z.literal(true) });

export const triggerSchema = z
  .union([
    eventTrigger,
    purchaseTrigger,
    attributeTrigger,
    subscriptionTrigger,
    enteredTrigger,
    convertedTrigger,
    sessionTrigger,
  ])
  .meta({ id: 'Trigger' });

export type Trigger = z.infer<typeof triggerSchema>;

/** A trigger under one of its topics; `path` is the index of the path of an Action Paths step it leads to. */
export interface Topic {
  readonly topic: string;
  readonly trigger: Trigger;
  readonly path: number;
}

/** What ingest hands on, as far as triggers look at it. */
export interface TriggerHappening {
  readonly kind: 'event' | 'purchase' | 'attributes';
  /** Event name or product id. */
  readonly name: string;
  readonly properties: JsonObject;
  readonly changed?: readonly {
    readonly kind: 'attribute' | 'subscription';
    readonly name: string;
    readonly from: Json | undefined;
    readonly to: Json | undefined;
  }[];
}

/**
 * The topics under which a happening has to be looked up for this trigger: `event:NAME`, `purchase:PRODUCT`,
 * `purchase:*`, `attribute:NAME` (dots reach into objects), `subscription:GROUP`, `session`.
 */
export function topicsOf(trigger: Trigger): string[] {
  if ('event' in trigger) return [`event:${trigger.event}`];
  if ('purchase' in trigger) return [`purchase:${trigger.purchase}`];
  if ('attribute_changed' in trigger) return [`attribute:${trigger.attribute_changed}`];
  if ('subscription_changed' in trigger) return [`subscription:${trigger.subscription_changed}`];
  if ('session_start' in trigger) return ['session'];
  return [];
}

/**
 * Is this happening what the trigger waits for? `where` sees the happening's properties and, on its right-hand sides,
 * the subject's context and attributes at this moment. An attribute change counts when the value really differs, also
 * when it is set for the first time; arrays never count (Braze).
 */
export function matches(trigger: Trigger, happening: TriggerHappening, subject: Subject, now: number): boolean {
  if ('event' in trigger) {
    return (
      happening.kind === 'event' && happening.name === trigger.event && holds(trigger.where, happening, subject, now)
    );
  }
  if ('purchase' in trigger) {
    if (happening.kind !== 'purchase') return false;
    if (trigger.purchase !== '*' && happening.name !== trigger.purchase) return false;
    return holds(trigger.where, happening, subject, now);
  }
  if (happening.kind !== 'attributes') return false;
  if ('attribute_changed' in trigger) return attributeMatches(trigger, happening);
  if ('subscription_changed' in trigger) {
    return (happening.changed ?? []).some(
      (change) =>
        change.kind === 'subscription' &&
        change.name === trigger.subscription_changed &&
        (trigger.to === undefined || change.to === trigger.to),
    );
  }
  return false;
}

function holds(
  where: z.infer<typeof eventTrigger>['where'],
  happening: TriggerHappening,
  subject: Subject,
  now: number,
): boolean {
  return where === undefined || evaluate(where, { ...subject, properties: happening.properties }, now).holds;
}

function attributeMatches(trigger: z.infer<typeof attributeTrigger>, happening: TriggerHappening): boolean {
  const path = trigger.attribute_changed;
  for (const change of happening.changed ?? []) {
    if (change.kind !== 'attribute') continue;
    const inside = path === change.name ? [] : insideOf(path, change.name);
    if (!inside) continue;
    const from = reach(change.from, inside);
    const to = reach(change.to, inside);
    if (Array.isArray(from) || Array.isArray(to) || jsonEquals(from, to)) continue;
    if (trigger.from !== undefined && !jsonEquals(from ?? null, trigger.from)) continue;
    if (trigger.to !== undefined && !jsonEquals(to ?? null, trigger.to)) continue;
    return true;
  }
  return false;
}

function insideOf(path: string, name: string): string[] | null {
  return path.startsWith(`${name}.`) ? path.slice(name.length + 1).split('.') : null;
}

function reach(value: Json | undefined, path: readonly string[]): Json | undefined {
  let found = value;
  for (const part of path) found = isJsonObject(found) && Object.hasOwn(found, part) ? found[part] : undefined;
  return found;
}

/** How the trigger reads in a timeline. */
export function describeTrigger(trigger: Trigger): string {
  if ('event' in trigger) return `event "${trigger.event}"`;
  if ('purchase' in trigger) return trigger.purchase === '*' ? 'any purchase' : `purchase of "${trigger.purchase}"`;
  if ('attribute_changed' in trigger) return `change of "${trigger.attribute_changed}"`;
  if ('subscription_changed' in trigger) return `change of subscription "${trigger.subscription_changed}"`;
  if ('entered_journey' in trigger) return `entry into "${trigger.entered_journey}"`;
  if ('converted' in trigger) return `conversion in "${trigger.converted.journey}"`;
  return 'start of a session';
}

/** What evaluating `where` looks at. */
export function triggerNeeds(trigger: Trigger): Needs {
  return 'where' in trigger && trigger.where !== undefined ? filterNeeds(trigger.where) : NO_NEEDS;
}

export function checkTrigger(trigger: Trigger, issues: Issues): void {
  if ('where' in trigger && trigger.where !== undefined) checkFilterAt(trigger.where, issues.at('where'));
  if ('entered_journey' in trigger) issues.notBuilt(['entered_journey'], 'the trigger "entered_journey"');
  if ('converted' in trigger) issues.notBuilt(['converted'], 'the trigger "converted"');
  if ('session_start' in trigger) issues.notBuilt(['session_start'], 'the trigger "session_start"');
}

/** Adds what is wrong with a filter beyond its shape. */
export function checkFilterAt(filter: z.infer<typeof filterSchema>, issues: Issues): void {
  for (const issue of checkFilter(filter, issues.pointer)) {
    // One code for Liquid that does not parse, wherever in a document it stands.
    issues.list.push(issue.code === 'liquid_invalid' ? { ...issue, code: 'liquid_syntax' } : issue);
  }
}
