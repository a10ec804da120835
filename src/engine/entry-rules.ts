/** What a journey's `entry` says about one profile at one moment. Pure. */
import type { CompiledJourney } from '../journey/compile.js';
import { toInstant } from '../journey/time.js';
import type { EntryListener, JourneyInfo } from '../journeys/catalog.js';
import type { JsonObject } from '../kernel/json.js';
import { parseTemplate } from '../liquid/template.js';
import { evaluate } from '../segments/evaluate.js';
import type { Subject } from '../segments/subject.js';
import type { EntryRequest } from './entry-gate.js';
import { toReentry } from './gate.js';

/** Is the entry window of an event trigger (`from`, `until`) open? Local times are read in the journey's zone. */
export function isEntryOpen(compiled: CompiledJourney, companyTimeZone: string, now: number): boolean {
  const { trigger } = compiled.definition.entry;
  if (trigger.type !== 'event') return true;
  const zone = journeyTimeZone(compiled, companyTimeZone);
  const from = trigger.from === undefined ? null : toInstant(trigger.from, zone);
  const until = trigger.until === undefined ? null : toInstant(trigger.until, zone);
  return (from === null || now >= from) && (until === null || now < until);
}

export function journeyTimeZone(compiled: CompiledJourney, companyTimeZone: string): string {
  const zone = compiled.definition.timezone ?? 'company';
  return zone === 'company' || zone === 'user' ? companyTimeZone : zone;
}

export interface Asking {
  readonly lane: number;
  readonly profileId: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly context: JsonObject;
  readonly run?: string | null;
}

/** Evaluates audience and re-entry key; what the gate needs to decide the rest. */
export function askToEnter(
  journey: JourneyInfo,
  version: number,
  compiled: CompiledJourney,
  asking: Asking,
  subject: Subject,
  now: number,
): EntryRequest {
  const { audience } = compiled.definition.entry;
  const holds = !audience || evaluate(audience, subject, now).holds;
  const key = renderKey(journey, compiled, subject, now);
  return {
    lane: asking.lane,
    profileId: asking.profileId,
    journey,
    version,
    compiled,
    key: key ?? '',
    context: asking.context,
    at: asking.at,
    run: asking.run ?? null,
    refusal: !holds ? 'audience' : key === null ? 'reentry_key' : null,
  };
}

export function toEntryRequest(
  { journey, version, compiled }: EntryListener,
  happening: { lane: number; profileId: string; at: number; properties: JsonObject },
  subject: Subject,
  now: number,
): EntryRequest {
  return askToEnter(journey, version, compiled, { ...happening, context: happening.properties }, subject, now);
}

const KEY_LENGTH = 255;

/** The rendered re-entry key; `null` when it cannot be made out: without a key there is no telling entries apart. */
function renderKey(journey: JourneyInfo, compiled: CompiledJourney, subject: Subject, now: number): string | null {
  const reentry = toReentry(compiled.definition.entry.reentry);
  if (reentry.kind !== 'key') return '';
  const parsed = parseTemplate(reentry.template);
  if (!parsed.ok) return null;
  const rendered = parsed.template.render({ now, subject, journey: { key: journey.key, name: journey.name } });
  if (!rendered.ok) return null;
  const key = rendered.text.trim();
  return key === '' || key.length > KEY_LENGTH ? null : key;
}
