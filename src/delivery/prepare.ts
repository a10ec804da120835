/**
 * From locked deliveries to what becomes of each: a request to send, an end without one, or a move to the host its URL
 * came out at. Rendering happens once, before the first attempt; a delivery that has its bytes is only looked up.
 */
import type { LiquidScope } from '../liquid/template.js';
import { propertiesAtHand } from '../journey/memory.js';
import { renderRequest } from '../journey/steps/webhook.js';
import type { Catalog, JourneyCatalog, JourneyInfo } from '../journeys/catalog.js';
import { errorCode, type Sql, type Transaction } from '../persistence/database.js';
import { plainText } from '../profiles/json-text.js';
import { evaluate } from '../segments/evaluate.js';
import type { Needs, Subject } from '../segments/subject.js';
import { readEntries, type DueDelivery, type EntryFacts, type RenderedRequest } from './claim.sql.js';
import { PerStep } from './per-step.js';
import { planOf, type Plan } from './plan.js';

export type Prepared =
  | {
      readonly kind: 'send';
      readonly delivery: DueDelivery;
      readonly plan: Plan;
      readonly rendered: RenderedRequest | null;
    }
  | {
      readonly kind: 'end';
      readonly delivery: DueDelivery;
      readonly status: 'aborted' | 'cancelled';
      readonly reason: string;
      /** `only_if` did not hold: the entry leaves. */
      readonly invalid?: boolean;
    }
  | {
      readonly kind: 'move';
      readonly delivery: DueDelivery;
      readonly origin: string;
      readonly rendered: RenderedRequest;
    };

export interface SubjectWant {
  readonly lane: number;
  readonly profileId: string;
  readonly workspace: number;
  readonly needs: Needs;
  readonly lock: false;
}

/** Loads what filters and templates look at, a batch at a time. */
export type LoadSubjects = (
  sql: Sql,
  catalog: Catalog,
  wants: readonly SubjectWant[],
  now: number,
) => Promise<{
  of(workspace: number, profileId: string, context: Subject['context'], properties: Subject['properties']): Subject;
}>;

const REASON_LENGTH = 1000;

/** `origins`: host id → origin, of the hosts that were claimed for. */
export async function prepare(
  tx: Transaction,
  journeys: JourneyCatalog,
  loadSubjects: LoadSubjects,
  deliveries: readonly DueDelivery[],
  origins: ReadonlyMap<number, string>,
  now: number,
): Promise<Prepared[]> {
  if (deliveries.length === 0) return [];
  const catalog = await journeys.current(tx);
  const planned: { delivery: DueDelivery; journey: JourneyInfo; plan: Plan }[] = [];
  const prepared: Prepared[] = [];
  const plans = await readPlans(tx, journeys, deliveries);
  for (const delivery of deliveries) {
    const journey = catalog.journey(delivery.journey_id);
    if (!journey || journey.status === 'stopped' || journey.status === 'archived') {
      prepared.push({ kind: 'end', delivery, status: 'cancelled', reason: 'journey_stopped' });
      continue;
    }
    const plan = plans.get(delivery);
    if (!plan) prepared.push({ kind: 'end', delivery, status: 'aborted', reason: 'step_unknown' });
    else if (delivery.method !== null) prepared.push({ kind: 'send', delivery, plan, rendered: null });
    else planned.push({ delivery, journey, plan });
  }
  if (planned.length === 0) return prepared;

  const entries = await readEntries(
    tx,
    planned.map(({ delivery }) => delivery),
  );
  const wants = planned.map(({ delivery, plan }) => wantOf(delivery, plan));
  const subjects = await loadSubjects(tx, catalog, wants, now);
  for (const { delivery, journey, plan } of planned) {
    const entry = entries.get(delivery.entry_id) ?? unknownEntry(delivery.entry_id);
    const subject = subjects.of(delivery.workspace, delivery.profile_id, entry.context, propertiesAtHand(entry));
    prepared.push(render(delivery, journey, plan, entry, subject, origins.get(delivery.host_id), now));
  }
  return prepared;
}

function wantOf({ lane, profile_id: profileId, workspace }: DueDelivery, { needs }: Plan): SubjectWant {
  return { lane, profileId, workspace, needs, lock: false };
}

function render(
  delivery: DueDelivery,
  journey: JourneyInfo,
  plan: Plan,
  entry: EntryFacts,
  subject: Subject,
  origin: string | undefined,
  now: number,
): Prepared {
  try {
    if (plan.step.only_if) {
      const { holds, why } = evaluate(plan.step.only_if, subject, now);
      if (!holds) {
        return {
          kind: 'end',
          delivery,
          status: 'cancelled',
          reason: clean(`validation_failed: ${why}`),
          invalid: true,
        };
      }
    }
    const scope: LiquidScope = {
      now,
      subject,
      journey: { key: journey.key, name: journey.name, id: journey.id, variant: entry.variant },
      step: { id: delivery.step, name: plan.name },
      delivery: { id: delivery.id },
    };
    const result = renderRequest(plan.step, scope);
    if (!result.ok) {
      const code = result.kind === 'abort' ? 'liquid_abort' : 'render_error';
      return { kind: 'end', delivery, status: 'aborted', reason: clean(`${code}: ${result.reason}`) };
    }
    const { method, url, headers, body } = result.request;
    const rendered = { method, url, headers, body };
    return result.request.origin === origin
      ? { kind: 'send', delivery, plan, rendered }
      : { kind: 'move', delivery, origin: result.request.origin, rendered };
  } catch (error) {
    // One template must not sink the batch it was claimed with; the reason says what it was.
    return {
      kind: 'end',
      delivery,
      status: 'aborted',
      reason: clean(`render_error: ${error instanceof Error ? error.message : String(error)}`),
    };
  }
}

async function readPlans(
  tx: Transaction,
  journeys: JourneyCatalog,
  deliveries: readonly DueDelivery[],
): Promise<PerStep<Plan | null>> {
  const plans = new PerStep<Plan | null>();
  for (const delivery of deliveries) {
    if (plans.get(delivery) !== undefined) continue;
    try {
      const compiled = await journeys.version(tx, delivery.journey_id, delivery.version);
      const step = compiled.steps.get(delivery.step);
      plans.set(delivery, step ? planOf(step) : null);
    } catch (error) {
      if (errorCode(error) !== 'version_unknown') throw error;
      plans.set(delivery, null);
    }
  }
  return plans;
}

function unknownEntry(id: string): EntryFacts {
  return { id, context: {}, memory: null, variant: null };
}

/** As PostgreSQL takes it, and not without end. */
function clean(text: string): string {
  return plainText(text.slice(0, REASON_LENGTH));
}
