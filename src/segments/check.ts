import { parseDuration } from '../kernel/duration.js';
import type { Json } from '../kernel/json.js';
import { toPointer } from '../kernel/pointer.js';
import { parseTemplate, type LiquidProblem } from '../liquid/template.js';
import { isTooDeep, type Filter, type Leaf } from './shape.js';
import { OPERATORS } from './operators/registry.js';
import { leavesOf } from './walk.js';

/** An issue of a definition, as `journey/` reports them. */
export interface FilterIssue {
  /** JSON Pointer into the document. */
  readonly path: string;
  readonly code: string;
  readonly message: string;
  readonly level: 'error' | 'warning';
  readonly line?: number;
  readonly column?: number;
  readonly excerpt?: string;
}

export interface FilterChecks {
  /** Whether a saved segment exists. Without it none does. */
  readonly segmentExists?: (key: string) => boolean;
}

type At = (
  code: string,
  message: string,
  key?: string | readonly (string | number)[],
  place?: Partial<LiquidProblem>,
) => void;

/**
 * What is wrong with a filter beyond its shape: `value_invalid`, `regex_invalid`, `liquid_invalid`, `duration_invalid`,
 * `range_invalid`, `segment_unknown`. `path`: JSON Pointer of the filter in its document.
 */
export function checkFilter(filter: Filter, path: string, checks: FilterChecks = {}): FilterIssue[] {
  const issues: FilterIssue[] = [];
  if (isTooDeep(filter)) return issues;
  for (const { leaf, path: at } of leavesOf(filter)) {
    checkLeaf(leaf, checks, (code, message, key = [], place = {}) => {
      const { line, column, excerpt } = place;
      const pointer = path + toPointer([...at, ...(typeof key === 'string' ? [key] : key)]);
      issues.push({
        path: pointer,
        code,
        message,
        level: 'error',
        ...(line === undefined ? {} : { line, column, excerpt }),
      });
    });
  }
  return issues;
}

function checkLeaf(leaf: Leaf, checks: FilterChecks, report: At): void {
  if ('within' in leaf && leaf.within !== undefined && parseDuration(leaf.within) === null) {
    report('duration_invalid', `"${leaf.within}" is no ISO 8601 duration, as in P7D or PT30M`, 'within');
  }
  if ('segment' in leaf && !checks.segmentExists?.(leaf.segment))
    report('segment_unknown', `there is no segment "${leaf.segment}"`, 'segment');
  if ('bucket' in leaf && leaf.bucket[0] > leaf.bucket[1])
    report('range_invalid', 'the range ends before it starts', 'bucket');
  if (('event' in leaf || 'purchase' in leaf) && (leaf.op === undefined) !== (leaf.count === undefined)) {
    report('value_invalid', 'op and count go together', leaf.op === undefined ? 'count' : 'op');
  }
  if ('attribute' in leaf || 'property' in leaf || 'context' in leaf || 'last_event' in leaf) checkValue(leaf, report);
}

function checkValue({ op, value }: Extract<Leaf, { value?: unknown }>, report: At): void {
  const liquid = checkLiquid(value, report);
  if (liquid) return;
  const problem = OPERATORS[op].accepts(value);
  if (problem === null) return;
  const isRegex = typeof value === 'string' && (op === 'matches_regex' || op === 'does_not_match_regex');
  report(isRegex ? 'regex_invalid' : 'value_invalid', isRegex ? problem : `${op}: ${problem}`, 'value');
}

/** Reports templates that do not parse. True when there is Liquid, so that the value is only known later. */
function checkLiquid(value: Json | undefined, report: At): boolean {
  let found = false;
  const texts = Array.isArray(value)
    ? (value as readonly Json[]).map((item, i) => [item, ['value', i]] as const)
    : [[value, ['value']] as const];
  for (const [text, key] of texts) {
    if (typeof text !== 'string') continue;
    const parsed = parseTemplate(text);
    if (!parsed.ok) report('liquid_invalid', parsed.problem.message, key, parsed.problem);
    if (!parsed.ok || !parsed.template.isStatic) found = true;
  }
  return found;
}
