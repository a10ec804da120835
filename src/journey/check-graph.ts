/**
 * Checks on how steps hang together. They read the raw document, so that a dangling `next` is found even in a step whose
 * shape is broken elsewhere.
 */
import { parseDuration } from '../kernel/duration.js';
import { isJsonObject, type Json, type JsonObject } from '../kernel/json.js';
import type { Issues } from './issues.js';
import { originOf } from './steps/request.js';

interface Edge {
  readonly path: readonly (string | number)[];
  readonly to: string;
}

const TARGET_KEYS: Readonly<Record<string, readonly string[]>> = {
  decision_split: ['yes', 'no'],
  callback: ['received', 'timeout'],
};

function targetKeys(type: Json | undefined): readonly string[] {
  return typeof type === 'string' && Object.hasOwn(TARGET_KEYS, type) ? TARGET_KEYS[type]! : [];
}

/** Every step id a step names as the place to go, with where it does. Works for steps of any shape. */
export function edgesOf(step: Json | undefined): Edge[] {
  if (!isJsonObject(step)) return [];
  const edges: Edge[] = [];
  const add = (object: JsonObject, key: string, path: readonly (string | number)[]): void => {
    const to = object[key];
    if (typeof to === 'string') edges.push({ path: [...path, key], to });
  };
  for (const key of ['next', 'everyone_else', ...targetKeys(step['type'])]) add(step, key, []);
  if (isJsonObject(step['on'])) for (const key of ['success', 'failure', 'timeout']) add(step['on'], key, ['on']);
  if (isJsonObject(step['control'])) add(step['control'], 'next', ['control']);
  if (Array.isArray(step['paths'])) {
    (step['paths'] as readonly Json[]).forEach((path, i) => {
      if (isJsonObject(path)) add(path, 'next', ['paths', i]);
    });
  }
  return edges;
}

export function checkGraph(document: JsonObject, issues: Issues): void {
  const steps = isJsonObject(document['steps']) ? document['steps'] : {};
  const exists = (id: string): boolean => Object.hasOwn(steps, id);
  const edges = new Map(Object.keys(steps).map((id) => [id, edgesOf(steps[id])]));
  for (const [id, from] of edges) {
    for (const { path, to } of from) {
      if (!exists(to)) issues.error(['steps', id, ...path], 'step_unknown', `there is no step "${to}"`);
    }
  }
  const starts = startsOf(document);
  for (const { path, to } of starts) {
    if (!exists(to)) issues.error(path, 'step_unknown', `there is no step "${to}"`);
  }
  if (isJsonObject(document['layout'])) {
    for (const id of Object.keys(document['layout'])) {
      if (!exists(id)) issues.warn(['layout', id], 'step_unknown', `there is no step "${id}" to place`);
    }
  }
  if (starts.some(({ to }) => exists(to))) warnUnreachable(edges, starts, issues);
  checkLoops(steps, edges, issues);
}

function startsOf(document: JsonObject): Edge[] {
  const starts: Edge[] = [];
  if (typeof document['start'] === 'string') starts.push({ path: ['start'], to: document['start'] });
  if (Array.isArray(document['variants'])) {
    (document['variants'] as readonly Json[]).forEach((variant, i) => {
      if (isJsonObject(variant) && typeof variant['start'] === 'string') {
        starts.push({ path: ['variants', i, 'start'], to: variant['start'] });
      }
    });
  }
  return starts;
}

function warnUnreachable(edges: ReadonlyMap<string, Edge[]>, starts: readonly Edge[], issues: Issues): void {
  const reached = new Set<string>();
  const queue = starts.map(({ to }) => to);
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (reached.has(id)) continue;
    reached.add(id);
    for (const { to } of edges.get(id) ?? []) queue.push(to);
  }
  for (const id of edges.keys()) {
    if (!reached.has(id)) issues.warn(['steps', id], 'step_unreachable', `nothing leads to the step "${id}"`);
  }
}

type Pace = 'runs' | 'sends' | 'waits';

/** `waits`: time passes here whatever happens; `sends`: only as long as a request takes; `runs`: none may pass. */
function paceOf(step: Json | undefined): Pace {
  if (!isJsonObject(step)) return 'waits';
  switch (step['type']) {
    case 'delay':
      return typeof step['for'] === 'string' && parseDuration(step['for']) === 0 ? 'runs' : 'waits';
    case 'action_paths':
    case 'callback':
      return 'waits';
    case 'webhook':
      return hasStaticHost(step) ? 'sends' : 'runs';
    default:
      return 'runs';
  }
}

/** A URL that fails to render lets the user go on at once. */
function hasStaticHost(step: JsonObject): boolean {
  const { request } = step;
  const url = isJsonObject(request) ? request['url'] : undefined;
  if (typeof url !== 'string') return true;
  try {
    return originOf(url).kind === 'static';
  } catch {
    // Its Liquid does not parse: an issue of its own.
    return true;
  }
}

/** A loop must pass a step that takes time, or a user would go round in it for ever within one moment. */
function checkLoops(steps: JsonObject, edges: ReadonlyMap<string, Edge[]>, issues: Issues): void {
  const pace = new Map([...edges.keys()].map((id) => [id, paceOf(steps[id])]));
  const inLoop = findLoop(edges, (id) => pace.get(id) === 'runs');
  if (inLoop) {
    issues.error(
      ['steps', inLoop[0]!],
      'loop_without_wait',
      `the steps ${inLoop.join(' → ')} → ${inLoop[0]!} go round without ever waiting; put a delay into the loop`,
    );
    return;
  }
  const sending = findLoop(edges, (id) => pace.get(id) !== 'waits');
  if (sending) {
    issues.warn(
      ['steps', sending[0]!],
      'loop_of_webhooks',
      `the steps ${sending.join(' → ')} → ${sending[0]!} send again and again without a delay`,
    );
  }
}

/** A cycle among the steps that `within` admits, as its ids in order; `null` when there is none. */
function findLoop(edges: ReadonlyMap<string, Edge[]>, within: (id: string) => boolean): string[] | null {
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (id: string): string[] | null => {
    const at = trail.indexOf(id);
    if (at >= 0) return trail.slice(at);
    if (done.has(id) || !edges.has(id) || !within(id)) return null;
    trail.push(id);
    for (const { to } of edges.get(id) ?? []) {
      const found = visit(to);
      if (found) return found;
    }
    trail.pop();
    done.add(id);
    return null;
  };
  for (const id of edges.keys()) {
    const found = visit(id);
    if (found) return found;
  }
  return null;
}
