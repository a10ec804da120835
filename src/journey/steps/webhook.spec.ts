import type { LiquidScope } from '../../liquid/template.js';
import { NOON, profileOf, subjectOf } from '../spec-facts.js';
import { renderRequest, requestNeeds } from './webhook.js';
import type { WebhookStep } from './webhook-shape.js';

function scope(changes: Partial<LiquidScope> = {}): LiquidScope {
  const profile = profileOf({ custom: { points: 7 } });
  return { now: NOON, subject: subjectOf({ profile, context: { order: 'o1' } }), delivery: { id: 'd-1' }, ...changes };
}

function render(request: NonNullable<WebhookStep['request']>, changes: Partial<LiquidScope> = {}) {
  const result = renderRequest({ type: 'webhook', request, next: null }, scope(changes));
  if (!result.ok) return result;
  const { body, ...rest } = result.request;
  return { ...rest, body: body === null ? null : new TextDecoder().decode(body) };
}

const url = 'https://x.example.com/a';

describe('the request of a webhook', () => {
  it('has Liquid in URL, headers and body', () => {
    expect(
      render({
        method: 'POST',
        url: 'https://X.example.com:443/u/{{${user_id}}}?o={{context.${order}}}#part',
        headers: { 'Idempotency-Key': '{{delivery.${id}}}', 'X-Fixed': ' y ' },
        body: {
          json: {
            name: '{{${first_name}}}',
            points: '{{custom_attribute.${points} | plus: 1 | json}}',
            list: [1, 'a'],
          },
        },
      }),
    ).toEqual({
      method: 'POST',
      url: 'https://x.example.com/u/u1?o=o1',
      origin: 'https://x.example.com',
      headers: { 'Idempotency-Key': 'd-1', 'X-Fixed': 'y', 'Content-Type': 'application/json' },
      body: '{"name":"Ada","points":8,"list":[1,"a"]}',
    });
  });

  it('keeps JSON JSON whatever a value contains', () => {
    const subject = subjectOf({ profile: profileOf({ standard: { first_name: '"}, {"admin": true' } }) });
    const result = render({ method: 'POST', url, body: { json: { name: '{{${first_name}}}' } } }, { subject });
    expect(JSON.parse((result as { body: string }).body)).toEqual({ name: '"}, {"admin": true' });
  });

  it('has the content type its author set, else one inferred from the body', () => {
    const type = (body: WebhookStep['request'] & object extends { body?: infer B } ? B : never, headers = {}) => {
      const result = render({ method: 'POST', url, headers, body });
      return 'headers' in result ? result.headers : result;
    };
    expect(type({ json: {} })).toEqual({ 'Content-Type': 'application/json' });
    expect(type({ json: {} }, { 'content-type': 'application/vnd.api+json' })).toEqual({
      'content-type': 'application/vnd.api+json',
    });
    expect(type({ raw: '{"a": 1}' })).toEqual({ 'Content-Type': 'application/json' });
    expect(type({ raw: '<a>1</a>' })).toEqual({ 'Content-Type': 'application/xml' });
    expect(type({ raw: 'a=1&b=%20' })).toEqual({ 'Content-Type': 'application/x-www-form-urlencoded' });
    expect(type({ raw: 'hello' })).toEqual({ 'Content-Type': 'text/plain; charset=utf-8' });
    expect(type({ raw: '{broken' })).toEqual({ 'Content-Type': 'text/plain; charset=utf-8' });
    expect(render({ method: 'GET', url })).toMatchObject({ headers: {}, body: null });
  });

  it('refuses line breaks that a value brings into a header', () => {
    const subject = subjectOf({ context: { x: 'a\r\nSet-Cookie: b=1' } });
    const result = render({ method: 'POST', url, headers: { 'X-A': '{{context.${x}}}' } }, { subject });
    expect(result).toMatchObject({ ok: false, kind: 'error', reason: expect.stringContaining('X-A') });
  });

  it.each([
    ['file:///etc/passwd', 'http or https'],
    ['javascript:alert(1)', 'http or https'],
    ['not a url', 'white space'],
    ['nowhere', 'not a URL'],
    ['', 'not a URL'],
  ])('refuses a URL that renders to "%s"', (value, reason) => {
    const subject = subjectOf({ context: { url: value } });
    expect(render({ method: 'POST', url: '{{context.${url}}}' }, { subject })).toMatchObject({
      ok: false,
      kind: 'error',
      reason: expect.stringContaining(reason),
    });
  });

  it('is aborted by abort_message, and fails when Liquid fails', () => {
    const body = { raw: "{% abort_message('no address') %}" };
    expect(render({ method: 'POST', url, body })).toEqual({ ok: false, kind: 'abort', reason: 'no address' });
    const headers = { Authorization: 'Basic {{credentials.${lob}}}' };
    expect(render({ method: 'POST', url, headers })).toMatchObject({ ok: false, kind: 'error' });
    expect(render({ method: 'POST', url, headers }, { secrets: () => 's3cret' })).toMatchObject({
      headers: { Authorization: 'Basic s3cret' },
    });
  });

  it('says what must be loaded for it', () => {
    const step = (request: NonNullable<WebhookStep['request']>, rest = {}): WebhookStep => ({
      type: 'webhook',
      request,
      next: null,
      ...rest,
    });
    expect(requestNeeds(step({ method: 'POST', url, body: { json: { a: '{{context.${a}}}' } } })).profile).toBe(false);
    expect(requestNeeds(step({ method: 'POST', url, body: { json: ['{{${first_name}}}'] } })).profile).toBe(true);
    const only_if = { event: 'bought', op: 'at_least', count: 1 } as const;
    expect(requestNeeds(step({ method: 'POST', url }, { only_if })).history.map(({ name }) => name)).toEqual([
      'bought',
    ]);
  });
});
