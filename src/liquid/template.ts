/**
 * Liquid in Braze's dialect: parsed once, rendered often, without I/O, clock or chance. A template can neither reach
 * outside of what the scope gives it (own properties only, no files, no code in text) nor run away (limits.ts): what
 * would is refused at parse or ends the render as an error, which is a value like any other outcome.
 */
import { Output, toValueSync } from 'liquidjs';
import { LRUCache } from 'lru-cache';
import type { Json } from '../kernel/json.js';
import { NO_NEEDS, type Needs } from '../segments/subject.js';
import { compileOutput, compileTemplates, renderCompiled, type Compiled } from './compile.js';
import { contextOf, engine, type Template as Parsed } from './engine.js';
import { CappedEmitter, LIMITS } from './limits.js';
import { causeOf, messageOf, problemAt, problemOf, type LiquidProblem } from './problem.js';
import { rewrite, type Rewritten } from './rewrite.js';
import { environment, wantsOf, type LiquidScope, type Use, type Wants } from './scope.js';
import { Abort } from './tags/abort-message.js';
import { usesOf } from './uses.js';

export type { LiquidProblem } from './problem.js';
export type { LiquidScope, Use } from './scope.js';

export type ParseResult =
  { readonly ok: true; readonly template: Template } | { readonly ok: false; readonly problem: LiquidProblem };

/** `abort`: the template says the message is not to be sent, and why. `error`: it could not be rendered. */
export type Failure = { readonly ok: false; readonly kind: 'abort' | 'error'; readonly reason: string };
export type RenderResult = { readonly ok: true; readonly text: string } | Failure;
export type ValueResult = { readonly ok: true; readonly value: Json } | Failure;

export interface Template {
  readonly source: string;
  /** No Liquid in it: rendering gives the source. */
  readonly isStatic: boolean;
  /** What it reads, each once. Names inside of `{% if %}` and the like count as well. */
  readonly uses: readonly Use[];
  render(scope: LiquidScope): RenderResult;
  /** The JSON value of a template that is exactly one output ending in `| json`; the text of any other. */
  renderValue(scope: LiquidScope): ValueResult;
}

const cache = new LRUCache<string, Template>({
  max: 10_000,
  maxSize: 16 * 1024 * 1024,
  sizeCalculation: ({ source }) => source.length + 64,
});

/** Parses a template, or says what is wrong with it. Parsed templates are kept. */
export function parseTemplate(source: string): ParseResult {
  const known = cache.get(source);
  if (known) return { ok: true, template: known };
  if (source.length > LIMITS.source) {
    return { ok: false, problem: problemAt(source, 0, `the template is over ${LIMITS.source} characters`) };
  }
  if (!/\{[{%]/.test(source)) return keep(new StaticTemplate(source));
  const rewritten = rewrite(source);
  if (!('text' in rewritten)) return { ok: false, problem: problemAt(source, rewritten.offset, rewritten.message) };
  try {
    const parsed = engine.parse(rewritten.text);
    const uses = usesOf(parsed);
    if (uses.some(({ namespace, name }) => namespace === 'credentials' && name === null)) {
      return {
        ok: false,
        problem: problemAt(
          source,
          source.indexOf('credentials'),
          'a credential is named literally: credentials.${name}',
        ),
      };
    }
    return keep(new LiquidTemplate(source, rewritten, parsed, uses));
  } catch (error) {
    return { ok: false, problem: problemOf(error, source, rewritten) };
  }
}

function keep(template: Template): ParseResult {
  cache.set(template.source, template);
  return { ok: true, template };
}

/** What has to be loaded before the template can be rendered. */
export function templateNeeds(template: Template): Needs {
  return template.uses.some(({ namespace }) => OF_THE_PROFILE.has(namespace)) ? PROFILE_NEEDS : NO_NEEDS;
}

const OF_THE_PROFILE: ReadonlySet<string> = new Set(['profile', 'custom_attribute', 'subscribed_state']);
const PROFILE_NEEDS: Needs = { ...NO_NEEDS, profile: true };

class StaticTemplate implements Template {
  readonly isStatic = true;
  readonly uses = [];

  constructor(readonly source: string) {}

  render(): RenderResult {
    return { ok: true, text: this.source };
  }

  renderValue(): ValueResult {
    return { ok: true, value: this.source };
  }
}

class LiquidTemplate implements Template {
  readonly isStatic = false;
  private readonly wants: Wants;
  private readonly compiled: Compiled | null;
  private readonly value: ReturnType<typeof compileOutput> | 'slow' | undefined;

  constructor(
    readonly source: string,
    private readonly rewritten: Rewritten,
    private readonly parsed: Parsed[],
    readonly uses: readonly Use[],
  ) {
    this.wants = wantsOf(uses);
    this.compiled = compileTemplates(parsed, engine);
    this.value = jsonOutput(parsed);
  }

  render(scope: LiquidScope): RenderResult {
    const emitter = new CappedEmitter();
    try {
      const context = contextOf(environment(scope, this.wants));
      if (this.compiled) renderCompiled(this.compiled, context, (value) => emitter.write(value));
      else drain(engine.renderer.renderTemplates(this.parsed, context, emitter));
      return { ok: true, text: emitter.buffer };
    } catch (error) {
      return this.failure(error);
    }
  }

  renderValue(scope: LiquidScope): ValueResult {
    if (typeof this.value === 'function') {
      try {
        return { ok: true, value: jsonOf(this.value(contextOf(environment(scope, this.wants)))) };
      } catch (error) {
        return this.failure(error);
      }
    }
    const result = this.render(scope);
    if (!result.ok) return result;
    return { ok: true, value: this.value === 'slow' ? (JSON.parse(result.text) as Json) : result.text };
  }

  private failure(error: unknown): Failure {
    const cause = causeOf(error);
    if (cause instanceof Abort) return { ok: false, kind: 'abort', reason: cause.message };
    const { line, column } = problemOf(error, this.source, this.rewritten);
    return { ok: false, kind: 'error', reason: `${messageOf(error)} (line ${line}, column ${column})` };
  }
}

/** How to read the value of a lone output ending in `| json`: at once, or (`slow`) through its text. */
function jsonOutput(parsed: readonly Parsed[]): ReturnType<typeof compileOutput> | 'slow' | undefined {
  const [output] = parsed;
  if (parsed.length !== 1 || !(output instanceof Output)) return undefined;
  const { filters } = output.value;
  const last = filters.at(-1);
  if (last?.name !== 'json' || last.args.length > 0) return undefined;
  return compileOutput(output, engine, filters.length - 1) ?? 'slow';
}

/** A filter's result as JSON: what JSON has no word for is null. */
function jsonOf(value: unknown): Json {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  return value as Json;
}

/** Runs liquidjs' generators to their end, here and now. */
function drain(rendering: unknown): void {
  toValueSync(rendering as IterableIterator<unknown>);
}
