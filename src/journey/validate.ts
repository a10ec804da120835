/**
 * Finds everything that is wrong with a journey document, all at once: its shape and every single value (one pass of the
 * schema), what does not fit together within a step or a rule, and how the steps hang together. An error refuses the
 * document; a warning does not. What belongs to the format but is not built yet is an error with code `not_built_yet`.
 */
import { jsonBytes, isJsonObject, type Json, type JsonObject } from '../kernel/json.js';
import { resolvePointer } from '../kernel/pointer.js';
import { checkGraph } from './check-graph.js';
import { checkVariables } from './check-variables.js';
import type { Issue } from './decision.js';
import { definitionSchema, type Definition } from './definition.js';
import { fromSchema, Issues, isStructural } from './issues.js';
import { LIMITS } from './limits.js';
import { checkSchedule } from './schedule.js';
import { STEP_ID } from './shapes.js';
import { kindOf } from './steps/registry.js';
import { toInstant } from './time.js';
import { checkFilterAt, checkTrigger } from './trigger.js';

export interface Validation {
  /** Errors first, then warnings; each in document order of the check that found it. */
  readonly issues: Issue[];
  /** The document itself, untouched, typed: nothing is filled in and no key is moved. `null` when there is an error. */
  readonly definition: Definition | null;
}

export function validate(document: unknown): Validation {
  const issues = new Issues();
  if (!isJsonObject(document)) {
    issues.error([], 'wrong_type', 'a journey definition is a JSON object');
    return { issues: issues.list, definition: null };
  }
  checkSize(document, issues);
  if (issues.list.length > 0) return { issues: issues.list, definition: null };

  const parsed = definitionSchema.safeParse(document);
  if (!parsed.success) issues.list.push(...fromSchema(parsed.error.issues, document));
  // The schema does not look into a list that is too long.
  const isLongList = ({ code, path }: Issue): boolean =>
    code === 'limit_exceeded' && Array.isArray(resolvePointer(document, path));
  const broken = issues.list.filter((issue) => isStructural(issue.code) || isLongList(issue)).map(({ path }) => path);
  /** May this part be read as its type says? */
  const sound = (pointer: string): boolean =>
    !broken.some(
      (path) => path === pointer || path.startsWith(`${pointer}/`) || pointer.startsWith(`${path}/`) || path === '',
    );
  // Every part is only read where it is sound.
  const definition = document as unknown as Definition;

  checkSteps(definition, sound, issues);
  checkGraph(document, issues);
  checkStart(document, issues);
  if (sound('/entry')) checkEntry(definition, issues.at('entry'));
  if (sound('/exit')) checkExit(definition, issues.at('exit'));
  if (sound('/send')) checkSend(definition, issues.at('send'));
  if (sound('/conversions')) checkConversions(definition, issues);
  if (sound('/variants')) checkVariants(definition, issues);
  if (broken.length === 0 && Object.keys(definition.steps).every((id) => STEP_ID.test(id)))
    checkVariables(definition, issues);

  const errors = issues.list.filter(({ level }) => level === 'error');
  const warnings = issues.list.filter(({ level }) => level === 'warning');
  return { issues: unique([...errors, ...warnings]), definition: errors.length === 0 ? definition : null };
}

function unique(issues: readonly Issue[]): Issue[] {
  const seen = new Set<string>();
  return issues.filter(({ path, code, message }) => {
    const key = `${path}\u0000${code}\u0000${message}`;
    return !seen.has(key) && Boolean(seen.add(key));
  });
}

/** What must hold before anything may recurse over the document. */
function checkSize(document: JsonObject, issues: Issues): void {
  const queue: { node: Json; path: (string | number)[] }[] = [{ node: document, path: [] }];
  for (let next = queue.pop(); next; next = queue.pop()) {
    const { node, path } = next;
    if (typeof node !== 'object' || node === null) continue;
    if (path.length > LIMITS.depth) {
      issues.error(path.slice(0, 8), 'limit_exceeded', `nested deeper than the limit of ${LIMITS.depth} levels`);
      return;
    }
    for (const [key, item] of Object.entries(node as JsonObject)) {
      const at = [...path, Array.isArray(node) ? Number(key) : key];
      if (key === '__proto__') issues.error(at, 'unknown_key', '"__proto__" is not allowed as a key');
      queue.push({ node: item, path: at });
    }
  }
  const bytes = jsonBytes(document);
  if (bytes > LIMITS.documentBytes) {
    issues.error(
      [],
      'limit_exceeded',
      `a document of ${bytes} bytes is over the limit of 256 KB (${LIMITS.documentBytes} bytes)`,
    );
  }
}

function checkSteps(definition: Definition, sound: (pointer: string) => boolean, issues: Issues): void {
  if (!isJsonObject(definition.steps)) return;
  const ids = Object.keys(definition.steps);
  if (ids.length === 0) issues.error(['steps'], 'too_small', 'a journey has at least one step');
  if (ids.length > LIMITS.steps) {
    issues.error(['steps'], 'limit_exceeded', `${ids.length} steps are over the limit of ${LIMITS.steps} steps`);
  }
  for (const id of ids) {
    // The schema does not look at what stands under a key that is not allowed.
    if (!STEP_ID.test(id) || !sound(`/steps/${id}`)) continue;
    const step = definition.steps[id]!;
    kindOf(step).check(step, issues.at('steps', id));
  }
}

function checkStart(document: JsonObject, issues: Issues): void {
  const hasVariants = Array.isArray(document['variants']) && document['variants'].length > 0;
  if (document['start'] === undefined && !hasVariants) issues.error(['start'], 'required', '"start" is missing');
  if (document['start'] !== undefined && hasVariants) {
    issues.error(['start'], 'start_and_variants', 'with "variants" each variant has its own "start"');
  }
}

function checkEntry({ entry, timezone }: Definition, issues: Issues): void {
  const { trigger } = entry;
  const at = issues.at('trigger');
  if (trigger.type === 'schedule') checkSchedule(trigger, at);
  if (trigger.type === 'event') {
    trigger.on.forEach((on, i) => checkTrigger(on, at.at('on', i)));
    const zone = timezone === undefined || timezone === 'company' ? 'UTC' : timezone;
    const from = toInstantSafely(trigger.from, zone);
    const until = toInstantSafely(trigger.until, zone);
    if (from !== null && until !== null && from >= until) {
      at.error(['until'], 'until_before_start', '"until" is not after "from": nobody could enter');
    }
  }
  if (entry.audience !== undefined) checkFilterAt(entry.audience, issues.at('audience'));
  if (entry.limit?.per === 'run' && trigger.type !== 'schedule') {
    issues.error(['limit', 'per'], 'limit_per_run', '"per": "run" goes with a scheduled entry only');
  }
  if (entry.reentry && 'key' in entry.reentry && trigger.type === 'schedule') {
    issues.error(
      ['reentry', 'key'],
      'reentry_key_without_properties',
      'a scheduled entry has no properties to make a key from',
    );
  }
}

/** A zone that is not one is an issue of its own. */
function toInstantSafely(text: string | undefined, zone: string): number | null {
  try {
    return text === undefined ? null : toInstant(text, zone);
  } catch {
    return null;
  }
}

function checkExit({ exit }: Definition, issues: Issues): void {
  exit?.when.forEach((criterion, i) => {
    const at = issues.at('when', i);
    if ('audience' in criterion) checkFilterAt(criterion.audience, at.at('audience'));
    else checkTrigger(criterion, at);
  });
}

function checkSend({ send }: Definition, issues: Issues): void {
  if (send?.quiet_hours !== undefined) issues.notBuilt(['quiet_hours'], '"quiet_hours"');
  if (send?.rate_limit !== undefined) issues.notBuilt(['rate_limit'], '"rate_limit"');
  if (send?.frequency_cap === true) issues.notBuilt(['frequency_cap'], '"frequency_cap": true');
}

function checkConversions({ conversions }: Definition, issues: Issues): void {
  if (!conversions?.length) return;
  issues.notBuilt(['conversions'], '"conversions"');
  conversions.forEach(({ on }, i) => checkTrigger(on, issues.at('conversions', i, 'on')));
}

function checkVariants({ variants }: Definition, issues: Issues): void {
  if (!variants?.length) return;
  issues.notBuilt(['variants'], '"variants"');
  const sum = variants.reduce((total, { weight }) => total + weight, 0);
  if (Math.abs(sum - 100) > 1e-9)
    issues.error(['variants'], 'weights_not_100', `the weights sum to ${sum}, not to 100`);
  const ids = variants.map(({ id }) => id);
  ids.forEach((id, i) => {
    if (ids.indexOf(id) < i)
      issues.error(['variants', i, 'id'], 'variant_twice', `the variant id "${id}" is used twice`);
  });
  const controls = variants.filter((variant) => 'control' in variant).length;
  if (controls > 1) issues.error(['variants'], 'control_twice', 'at most one variant is the control group');
}
