/**
 * The HTTP request of a webhook step: checked when the definition is saved, rendered once per delivery before its first
 * attempt. Bytes, not text: retries send exactly these.
 */
import type { LiquidScope, Template } from '../../liquid/template.js';
import { templateNeeds } from '../../liquid/template.js';
import { mergeNeeds, NO_NEEDS, type Needs } from '../../segments/subject.js';
import { filterNeeds } from '../../segments/filter.js';
import { compileJson, isLiquid, renderText, template, type JsonTemplate } from '../json-template.js';
import type { WebhookRequest, WebhookStep } from './webhook-shape.js';

type Problem = { readonly code: string; readonly message: string };

export interface RenderedRequest {
  readonly method: string;
  readonly url: string;
  /** Scheme, name and port. */
  readonly origin: string;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array | null;
}

export type RequestResult =
  | { readonly ok: true; readonly request: RenderedRequest }
  | { readonly ok: false; readonly kind: 'abort' | 'error'; readonly reason: string };

/** Where a URL leads: known from its text, or only once it is rendered for a profile. */
export type Origin =
  | { readonly kind: 'static'; readonly origin: string }
  | {
      readonly kind: 'dynamic';
      readonly needs: Needs;
      resolve(scope: LiquidScope): { readonly origin: string | null; readonly problem: Problem | null };
    };

/** Scheme, optional user, name and port up to the character that ends them, none of it Liquid. */
const STATIC_AUTHORITY = /^https?:\/\/[^/?#\\{}\s]+(?=[/?#]|$)/i;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Headers that belong to the connection, and the chain depth that nobody may reset. */
const FORBIDDEN_HEADERS = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'upgrade',
  'te',
  'trailer',
  'keep-alive',
  'expect',
  'x-itinera-depth',
]);
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/;

export function originOf(url: string): Origin {
  const source = url.trim();
  const authority = STATIC_AUTHORITY.exec(source)?.[0];
  if (authority !== undefined && URL.canParse(authority)) return { kind: 'static', origin: new URL(authority).origin };
  const of = template(source);
  return {
    kind: 'dynamic',
    needs: templateNeeds(of),
    resolve(scope) {
      const rendered = renderText(of, scope);
      if (!rendered.ok) {
        const code = rendered.kind === 'abort' ? 'liquid_abort' : 'render_error';
        return { origin: null, problem: { code, message: rendered.reason } };
      }
      const parsed = parseUrl(rendered.value);
      return typeof parsed === 'string'
        ? { origin: null, problem: { code: 'url_invalid', message: parsed } }
        : { origin: parsed.origin, problem: null };
    },
  };
}

/**
 * Renders the request. `abort`: the template said `abort_message`; `error`: it failed to render, or what came out is not
 * a request that can be made. The step's `only_if` is not looked at.
 */
export function renderRequest(step: WebhookStep, scope: LiquidScope): RequestResult {
  const compiled = compiledRequest(step);
  if (!compiled) return failed('the step has no request');
  const url = renderText(compiled.url, scope);
  if (!url.ok) return url;
  const parsed = parseUrl(url.value);
  if (typeof parsed === 'string') return failed(parsed);

  const headers: Record<string, string> = {};
  for (const { name, value } of compiled.headers) {
    const rendered = renderText(value, scope);
    if (!rendered.ok) return rendered;
    const text = rendered.value.trim();
    if (CONTROL.test(text)) return failed(`the value of header "${name}" contains a line break or control character`);
    if (/[^\t\u0020-\u00ff]/.test(text))
      return failed(`the value of header "${name}" has characters that HTTP headers cannot carry`);
    headers[name] = text;
  }

  const body = renderBody(compiled, scope);
  if (!body.ok) return body;
  if (body.bytes && !compiled.hasContentType) headers['Content-Type'] = body.contentType;
  return {
    ok: true,
    request: { method: compiled.method, url: parsed.href, origin: parsed.origin, headers, body: body.bytes },
  };
}

/** What has to be loaded before a delivery of this step can be rendered and its `only_if` evaluated. */
export function requestNeeds(step: WebhookStep): Needs {
  const compiled = compiledRequest(step);
  const filter = step.only_if === undefined ? NO_NEEDS : filterNeeds(step.only_if);
  return compiled ? mergeNeeds([compiled.needs, filter]) : filter;
}

interface CompiledRequest {
  readonly method: string;
  readonly url: Template;
  readonly headers: readonly { readonly name: string; readonly value: Template }[];
  readonly hasContentType: boolean;
  readonly json: JsonTemplate | null;
  readonly raw: Template | null;
  readonly needs: Needs;
}

const compiledRequests = new WeakMap<WebhookStep, CompiledRequest>();

function compiledRequest(step: WebhookStep): CompiledRequest | null {
  if (!step.request) return null;
  let compiled = compiledRequests.get(step);
  if (!compiled) {
    compiled = compileRequest(step.request);
    compiledRequests.set(step, compiled);
  }
  return compiled;
}

function compileRequest(request: WebhookRequest): CompiledRequest {
  const url = template(request.url);
  const headers = Object.entries(request.headers ?? {}).map(([name, value]) => ({ name, value: template(value) }));
  const json = request.body && 'json' in request.body ? compileJson(request.body.json) : null;
  const raw = request.body && 'raw' in request.body ? template(request.body.raw) : null;
  return {
    method: request.method,
    url,
    headers,
    hasContentType: headers.some(({ name }) => name.toLowerCase() === 'content-type'),
    json,
    raw,
    needs: mergeNeeds([
      templateNeeds(url),
      ...headers.map(({ value }) => templateNeeds(value)),
      ...(json ? [json.needs] : []),
      ...(raw ? [templateNeeds(raw)] : []),
    ]),
  };
}

type BodyResult =
  | { readonly ok: true; readonly bytes: Uint8Array | null; readonly contentType: string }
  | { readonly ok: false; readonly kind: 'abort' | 'error'; readonly reason: string };

function renderBody({ json, raw }: CompiledRequest, scope: LiquidScope): BodyResult {
  const encoder = new TextEncoder();
  if (json) {
    const rendered = json.render(scope);
    if (!rendered.ok) return rendered;
    return { ok: true, bytes: encoder.encode(JSON.stringify(rendered.value)), contentType: 'application/json' };
  }
  if (!raw) return { ok: true, bytes: null, contentType: '' };
  const rendered = renderText(raw, scope);
  if (!rendered.ok) return rendered;
  return { ok: true, bytes: encoder.encode(rendered.value), contentType: inferContentType(rendered.value) };
}

/** JSON, XML and form-encoded text are told by their looks; all else is plain text. */
export function inferContentType(text: string): string {
  const trimmed = text.trim();
  if (/^[[{]/.test(trimmed)) {
    try {
      JSON.parse(trimmed);
      return 'application/json';
    } catch {
      return 'text/plain; charset=utf-8';
    }
  }
  if (/^<\?xml|^<[A-Za-z][^>]*>[\s\S]*<\/[^>]+>$/.test(trimmed)) return 'application/xml';
  if (/^[^\s=&]+=[^\s&]*(?:&[^\s=&]+=[^\s&]*)*$/.test(trimmed)) return 'application/x-www-form-urlencoded';
  return 'text/plain; charset=utf-8';
}

function parseUrl(text: string): URL | string {
  const trimmed = text.trim();
  if (/[\s]/.test(trimmed) || CONTROL.test(trimmed)) return `the URL "${shorten(trimmed)}" contains white space`;
  if (!URL.canParse(trimmed)) return `"${shorten(trimmed)}" is not a URL`;
  const url = new URL(trimmed);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return `the URL's scheme must be http or https, not ${url.protocol.slice(0, -1)}`;
  url.hash = '';
  return url;
}

function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

function failed(reason: string): { ok: false; kind: 'error'; reason: string } {
  return { ok: false, kind: 'error', reason };
}

/** What can be told of a URL before it is rendered. */
export function urlProblem(url: string): string | null {
  if (!isLiquid(url)) {
    const parsed = parseUrl(url);
    return typeof parsed === 'string' ? parsed : null;
  }
  const scheme = /^\s*([A-Za-z][A-Za-z0-9+.-]*):/.exec(url)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https')
    return `the URL's scheme must be http or https, not ${scheme}`;
  return /^\s*(\{[{%]|https?:\/\/)/i.test(url)
    ? null
    : 'a URL begins with http:// or https:// (or with Liquid that makes it so)';
}

export function headerProblems(
  headers: Readonly<Record<string, string>>,
): { name: string; code: string; message: string }[] {
  const problems: { name: string; code: string; message: string }[] = [];
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (!TOKEN.test(name)) problems.push({ name, code: 'header_invalid', message: `"${name}" is not a header name` });
    else if (FORBIDDEN_HEADERS.has(lower))
      problems.push({ name, code: 'header_reserved', message: `"${name}" is set by the sender` });
    else if (seen.has(lower)) problems.push({ name, code: 'header_twice', message: `"${name}" is listed twice` });
    if (!isLiquid(value) && CONTROL.test(value.trim())) {
      problems.push({
        name,
        code: 'header_invalid',
        message: `the value of "${name}" contains a line break or control character`,
      });
    }
    seen.add(lower);
  }
  return problems;
}

/** A JSON body under a content type that says otherwise: allowed, but hardly meant. */
export function bodyProblem(request: WebhookRequest): string | null {
  if (!request.body || !('json' in request.body)) return null;
  const type = Object.entries(request.headers ?? {}).find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  if (type === undefined || isLiquid(type) || /json/i.test(type)) return null;
  return `the body is JSON but Content-Type says "${type}"`;
}
