import { z } from 'zod';
import type { Json, JsonObject } from '../../kernel/json.js';
import { isJsonObject } from '../../kernel/json.js';
import type { LiquidScope } from '../../liquid/template.js';
import { mergeNeeds, NO_NEEDS } from '../../segments/subject.js';
import type { Effect } from '../decision.js';
import type { Issues } from '../issues.js';
import { compileJson, scopeOf, type JsonTemplate, type Rendered } from '../json-template.js';
import { LIMITS } from '../limits.js';
import { liquid, liquidJson, nonEmpty, stepBase, target } from '../shapes.js';
import { toInstant } from '../time.js';
import { NEVER_SIGNALLED, type StepKind } from './step-kind.js';

const attributeName = nonEmpty(255);
const amount = z.union([z.number(), liquid()]);
const properties = z.record(z.string(), liquidJson).optional();

export const userUpdateSchema = z.strictObject({
  type: z.literal('user_update'),
  ...stepBase,
  set: z.record(attributeName, liquidJson).optional(),
  remove: z.array(attributeName).optional(),
  increment: z.record(attributeName, amount).optional(),
  add: z.record(attributeName, liquidJson).optional(),
  subtract: z.record(attributeName, liquidJson).optional(),
  events: z.array(z.strictObject({ name: liquid().min(1), time: liquid().optional(), properties })).optional(),
  purchases: z
    .array(
      z.strictObject({
        product_id: liquid().min(1),
        currency: liquid().min(1),
        price: amount,
        quantity: amount.optional(),
        time: liquid().optional(),
        properties,
      }),
    )
    .optional(),
  next: target,
});

export type UserUpdateStep = z.infer<typeof userUpdateSchema>;

const OPERATIONS = ['set', 'remove', 'increment', 'add', 'subtract'] as const;
/** Whom an update is for is not the update's to say. */
const RESERVED = new Set([
  'external_id',
  'user_alias',
  'braze_id',
  'email_id',
  'app_group_id',
  'api_key',
  'push_token_import',
  '_update_existing_only',
]);

/**
 * Changes the profile and records events and purchases, as `/users/track` would; the next step sees the new values.
 * If any value aborts or fails to render, nothing of the step is done and the user goes on (Braze).
 */
export const userUpdate: StepKind<UserUpdateStep> = {
  type: 'user_update',
  check,
  ways: (step) => [{ event: 'next', label: 'next', next: step.next }],
  longestWait: () => 0,

  compile(step, surroundings) {
    const update = compileUpdate(step);
    return {
      waits: 'never',
      needs: mergeNeeds([{ ...NO_NEEDS, profile: true }, update.needs]),
      locks: true,
      topics: [],
      enter(_arrival, facts) {
        const rendered = update.render(scopeOf(facts, surroundings));
        if (!rendered.ok) return { kind: 'go', path: 'next', why: `not updated: ${rendered.reason}` };
        const { effects, skipped } = toEffects(rendered.value, surroundings.id, facts.now);
        return {
          kind: 'go',
          path: 'next',
          effects,
          ...(skipped.length > 0 ? { why: `left out: ${skipped.join(', ')}` } : {}),
        };
      },
      signal: NEVER_SIGNALLED,
    };
  },
};

interface Update {
  readonly attributes: Record<string, Json>;
  readonly skipped: string[];
  readonly events: readonly JsonObject[];
  readonly purchases: readonly JsonObject[];
}

function compileUpdate(step: UserUpdateStep): {
  needs: JsonTemplate['needs'];
  render(scope: LiquidScope): Rendered<Update>;
} {
  const sections = compileJson({
    set: step.set ?? {},
    increment: step.increment ?? {},
    add: step.add ?? {},
    subtract: step.subtract ?? {},
    events: (step.events ?? []) as readonly Json[],
    purchases: (step.purchases ?? []) as readonly Json[],
  });
  return {
    needs: sections.needs,
    render(scope) {
      const rendered = sections.render(scope);
      if (!rendered.ok) return rendered;
      const value = rendered.value as {
        readonly [key in 'set' | 'increment' | 'add' | 'subtract']: JsonObject;
      } & { readonly events: readonly JsonObject[]; readonly purchases: readonly JsonObject[] };
      const attributes: Record<string, Json> = { ...value.set };
      const skipped: string[] = [];
      for (const name of step.remove ?? []) attributes[name] = null;
      for (const [name, by] of Object.entries(value.increment)) {
        const number = numberOf(by);
        if (number === null) skipped.push(`${name} (not a number)`);
        else attributes[name] = { inc: number };
      }
      for (const [name, items] of Object.entries(value.add)) attributes[name] = { add: listOf(items) };
      for (const [name, items] of Object.entries(value.subtract)) attributes[name] = { remove: listOf(items) };
      return { ok: true, value: { attributes, skipped, events: value.events, purchases: value.purchases } };
    },
  };
}

function toEffects(update: Update, step: string, now: number): { effects: Effect[]; skipped: string[] } {
  const effects: Effect[] = [];
  const skipped = [...update.skipped];
  if (Object.keys(update.attributes).length > 0)
    effects.push({ kind: 'attributes', step, attributes: update.attributes });
  for (const event of update.events) {
    const name = textOf(event['name']);
    const at = timeOf(event['time'], now);
    if (at === null || name === '') skipped.push(`event ${name} (its name is empty or its time is not a date)`);
    else effects.push({ kind: 'event', step, name, at, properties: propertiesOf(event) });
  }
  for (const purchase of update.purchases) {
    const productId = textOf(purchase['product_id']);
    const at = timeOf(purchase['time'], now);
    const currency = textOf(purchase['currency']).trim().toUpperCase();
    const price = numberOf(purchase['price']!);
    const quantity = purchase['quantity'] === undefined ? 1 : numberOf(purchase['quantity']);
    if (
      at === null ||
      productId === '' ||
      !/^[A-Z]{3}$/.test(currency) ||
      price === null ||
      quantity === null ||
      !Number.isInteger(quantity) ||
      quantity < 1 ||
      quantity > 100
    ) {
      skipped.push(`purchase ${productId} (product, currency, price, quantity or time is not valid)`);
      continue;
    }
    effects.push({
      kind: 'purchase',
      step,
      productId,
      at,
      currency,
      price,
      quantity,
      properties: propertiesOf(purchase),
    });
  }
  return { effects, skipped };
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

/** A future time is now, as in `/users/track`. */
function timeOf(value: Json | undefined, now: number): number | null {
  if (value === undefined || value === '') return now;
  const at = typeof value === 'string' ? toInstant(value.trim(), 'UTC') : null;
  return at === null ? null : Math.min(at, now);
}

function numberOf(value: Json): number | null {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

function listOf(value: Json): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [value];
}

function propertiesOf(object: JsonObject): JsonObject {
  const properties = object['properties'];
  return isJsonObject(properties) ? properties : {};
}

function check(step: UserUpdateStep, issues: Issues): void {
  const seen = new Map<string, string>();
  for (const operation of OPERATIONS) {
    const section = step[operation];
    if (section === undefined) continue;
    const names: readonly (readonly [string, string | number])[] = Array.isArray(section)
      ? section.map((name, i) => [name, i] as const)
      : Object.keys(section).map((name) => [name, name] as const);
    for (const [name, key] of names) {
      if (RESERVED.has(name)) {
        issues.error(
          [operation, key],
          'attribute_reserved',
          `"${name}" says whom an update is for; a step cannot change it`,
        );
      }
      const other = seen.get(name);
      if (other !== undefined) {
        issues.error(
          [operation, key],
          'attribute_twice',
          `"${name}" is already in "${other}": the order would be undefined`,
        );
      }
      seen.set(name, operation);
    }
  }
  if (seen.size === 0 && !step.events?.length && !step.purchases?.length) {
    issues.warn([], 'update_empty', 'this update changes nothing');
  }
  const { set, remove, increment, add, subtract, events, purchases } = step;
  const size = JSON.stringify({ set, remove, increment, add, subtract, events, purchases }).length;
  if (size > LIMITS.userUpdateCharacters) {
    issues.error(
      [],
      'limit_exceeded',
      `an update of ${size} characters is over the limit of ${LIMITS.userUpdateCharacters}`,
    );
  }
}
