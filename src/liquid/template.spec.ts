import { NO_HISTORY, NO_NEEDS, type Subject } from '../segments/subject.js';
import { parseTemplate, templateNeeds, type LiquidScope, type Template } from './template.js';

const NOW = Date.parse('2026-11-24T03:30:00Z');

const SUBJECT: Subject = {
  profile: {
    id: '019ab000-0000-7000-8000-000000000001',
    externalId: 'u1',
    aliases: [],
    standard: {
      first_name: 'Ada',
      email: 'ada@example.com',
      dob: '1990-05-04',
      phone: '+4912345',
      time_zone: 'Asia/Seoul',
      home_city: 'Bern',
    },
    custom: {
      plan: 'pro',
      points: 42,
      ratio: 0.5,
      vip: true,
      tags: ['a', 'b'],
      'Favourite Colour': 'red',
      address: { city: 'Köln' },
    },
    subscriptions: { email: 'opted_in', news: 'subscribed' },
    bucket: 1234,
    createdAt: 0,
  },
  history: NO_HISTORY,
  journeys: {},
  webhooks: {},
  context: { order_id: 'o-7', cart: { total: 12.5, items: [{ sku: 'x' }, { sku: 'y' }] }, quote: 'say "hi"\n' },
  properties: { amount: 9, currency: 'EUR' },
  companyTimeZone: 'Europe/Berlin',
};

const SCOPE: LiquidScope = {
  now: NOW,
  subject: SUBJECT,
  journey: { key: 'welcome', name: 'Welcome' },
  step: { id: 'hello', name: 'Say hello' },
  delivery: { id: 'd-1' },
  secrets: (name) => (name === 'lob' ? 's3cret' : undefined),
  callbacks: (step) => (step === 'answer' ? 'https://example.com/c/1' : undefined),
};

function parsed(source: string): Template {
  const result = parseTemplate(source);
  if (!result.ok) throw new Error(JSON.stringify(result.problem));
  return result.template;
}

function text(source: string, scope: LiquidScope = SCOPE): string {
  const result = parsed(source).render(scope);
  return result.ok ? result.text : `${result.kind}: ${result.reason}`;
}

function problem(source: string) {
  const result = parseTemplate(source);
  if (result.ok) throw new Error('expected a problem');
  return result.problem;
}

describe('the Braze dialect', () => {
  it.each([
    ['{{${first_name}}}', 'Ada'],
    ['{{ ${first_name} }}', 'Ada'],
    ['{{${first_name} | upcase}}', 'ADA'],
    ["{{${last_name} | default: 'friend'}}", 'friend'],
    [
      '{{${user_id}}} {{${email_address}}} {{${email}}} {{${phone_number}}} {{${date_of_birth}}} {{${city}}}',
      'u1 ada@example.com ada@example.com +4912345 1990-05-04 Bern',
    ],
    ['{{${braze_id}}}', '019ab000-0000-7000-8000-000000000001'],
    ['{{${random_bucket_number}}}', '1234'],
    ['{{custom_attribute.${plan}}}', 'pro'],
    ['{{custom_attribute.${Favourite Colour}}}', 'red'],
    ['{{custom_attribute.plan}}', 'pro'],
    ['{{custom_attribute.${address}.city}}', 'Köln'],
    ['{{custom_attribute.${tags}}}', 'ab'],
    ['{{custom_attribute.${tags} | join: ", "}}', 'a, b'],
    ['{{custom_attribute.${address}}}', '{"city":"Köln"}'],
    ['{{custom_attribute.${points} | plus: 1}}', '43'],
    ['{{custom_attribute.${tags}[1]}} {{custom_attribute.${tags}.size}}', 'b 2'],
    ['{{context.${order_id}}}', 'o-7'],
    ['{{context.${cart}.total}}', '12.5'],
    ['{{context.${cart}.items[1].sku}}', 'y'],
    ['{{canvas_entry_properties.${order_id}}}', 'o-7'],
    ['{{event_properties.${amount}}}', '9'],
    ['{{delivery.${id}}}', 'd-1'],
    ['{{canvas.${name}}} / {{campaign.${name}}}', 'Welcome / Say hello'],
    [
      '{{subscribed_state.${email_global}}} {{subscribed_state.${push_global}}} {{subscribed_state.${news}}} {{subscribed_state.${other}}}',
      'opted_in subscribed subscribed unsubscribed',
    ],
    ['{{callback.${answer}}}', 'https://example.com/c/1'],
    ['Basic {{credentials.${lob}}}', 'Basic s3cret'],
    ["{% if {{${first_name}}} == 'Ada' %}yes{% endif %}", 'yes'],
    ["{% if ${first_name} == 'Ada' and custom_attribute.${vip} %}yes{% endif %}", 'yes'],
    ["{% if {{custom_attribute.${plan}}} == 'free' %}no{% else %}else{% endif %}", 'else'],
    ['{% for item in context.${cart}.items %}{{item.sku}};{% endfor %}', 'x;y;'],
    ['{% assign plan = {{custom_attribute.${plan}}} | upcase %}{{plan}}', 'PRO'],
    ['{% capture x %}{{${first_name}}}!{% endcapture %}{{x}}{{x}}', 'Ada!Ada!'],
    ['{% raw %}{{${first_name}}}{% endraw %}', '{{${first_name}}}'],
    ["a{% comment %}it's {{${first_name {% if %} {% endcomment %}b", 'ab'],
    ["{{ '${first_name}' }}", '${first_name}'],
    ["{% assign a = '${x}' %}{{a}}", '${x}'],
    ['{"price": "${HOME} $5 {x}"}', '{"price": "${HOME} $5 {x}"}'],
    ['{{- ${first_name} -}} x', 'Adax'],
    ['{{missing}}{{a.b.c}}{{custom_attribute.${nope}.deep}}', ''],
  ])('%s', (source, expected) => {
    expect(text(source)).toBe(expected);
    // A tag takes a template the long way, through liquidjs itself: the same comes out.
    if (!source.startsWith('{{-')) expect(text(`{% if true %}{% endif %}${source}`)).toBe(expected);
  });

  it('gives a template without Liquid back as it is', () => {
    const template = parsed('plain { } text');
    expect(template.isStatic).toBe(true);
    expect(template.render(SCOPE)).toEqual({ ok: true, text: 'plain { } text' });
  });

  it('aborts with the literal reason', () => {
    expect(parsed("{% if ${first_name} == 'Ada' %}{% abort_message('no Adas') %}{% endif %}").render(SCOPE)).toEqual({
      ok: false,
      kind: 'abort',
      reason: 'no Adas',
    });
    expect(parsed('{% abort_message() %}').render(SCOPE)).toMatchObject({
      kind: 'abort',
      reason: 'aborted by the template',
    });
    expect(problem('{% abort_message(reason) %}').message).toBe('the reason of abort_message is one quoted text');
  });

  it('fails the render when a credential is not available, naming it but nothing else', () => {
    expect(text('x {{credentials.${nope}}}')).toBe('error: credential "nope" is not available here (line 1, column 3)');
    expect(text('{{credentials.${lob}}}', { ...SCOPE, secrets: undefined })).toContain('not available');
    expect(text('{% if false %}{{credentials.${nope}}}{% endif %}ok')).toBe('ok');
  });

  it('lets no template compute the name of a credential', () => {
    expect(problem("{% assign n = 'lob' %}{{credentials[n]}}").message).toContain('literally');
    expect(problem('{{credentials | json}}').message).toContain('literally');
  });
});

describe('values', () => {
  it.each([
    ['{{custom_attribute.${points} | json}}', 42],
    ['{{custom_attribute.${points} | plus: 0 | json}}', 42],
    ['{{custom_attribute.${tags} | json}}', ['a', 'b']],
    ['{{context.${cart} | json}}', SUBJECT.context['cart']],
    ['{{custom_attribute.${nope} | json}}', null],
    ['{{custom_attribute.${nope} | default: 0 | json}}', 0],
    ['{{custom_attribute.${vip} | json}}', true],
    ['{{${first_name} | json}}', 'Ada'],
    ['{{ custom_attribute.${points} > 40 | json }}', true],
    ['{{custom_attribute.${points}}}', '42'],
    ['n={{custom_attribute.${points} | json}}', 'n=42'],
    ['plain', 'plain'],
  ])('%s', (source, value) => {
    expect(parsed(source).renderValue(SCOPE)).toEqual({ ok: true, value });
  });
});

describe('needs', () => {
  it('says what is read', () => {
    expect(parsed('{{${first_name}}} {{custom_attribute.${plan}}} {{context.${cart}.total}}').uses).toEqual([
      { namespace: 'profile', name: 'first_name' },
      { namespace: 'custom_attribute', name: 'plan' },
      { namespace: 'context', name: 'cart' },
    ]);
    expect(
      parsed('{% for x in context.items %}{{x.a}}{% endfor %}{% if event_properties.${y} %}{% endif %}').uses,
    ).toEqual([
      { namespace: 'context', name: 'items' },
      { namespace: 'event_properties', name: 'y' },
    ]);
    expect(parsed('{{custom_attribute[event_properties.key]}}').uses).toEqual([
      { namespace: 'event_properties', name: 'key' },
      { namespace: 'custom_attribute', name: null },
    ]);
  });

  it('loads a profile only for what is the profile', () => {
    expect(templateNeeds(parsed('{{context.${a}}} {{delivery.${id}}}'))).toEqual(NO_NEEDS);
    expect(templateNeeds(parsed('static'))).toEqual(NO_NEEDS);
    expect(templateNeeds(parsed('{% if subscribed_state.${news} %}{% endif %}')).profile).toBe(true);
    expect(templateNeeds(parsed('{{${user_id}}}')).profile).toBe(true);
  });
});

describe('problems point into what the author wrote', () => {
  it.each([
    ['line one\n{{${first_name} | nope}} and {{${x}}}', 2, 1, 'undefined filter: nope'],
    [
      '{{${a}}} {{${b}}}\n\n  {% if {{${c}}} %} {{custom_attribute.${d} | bad_filter}}{% endif %}',
      3,
      21,
      'undefined filter: bad_filter',
    ],
    ['a {{${first_name', 1, 5, '"${" is not closed'],
    ['a {{${}}}', 1, 5, '"${}" has no name'],
    ["{{${first_name | default: 'x'}}}", 1, 3, 'filters go behind the brace'],
    ['{{${a}}} {{ b', 1, 10, 'not closed'],
    ['x\n{% if a %}', 2, 1, 'not closed'],
    ['{% nope %}', 1, 1, 'tag "nope" not found'],
    ['{% include "package.json" %}', 1, 1, 'tag "include" not found'],
    ["{% render 'x' %}", 1, 1, 'tag "render" not found'],
    ['{{ a | where_exp: "x", "x" }}', 1, 1, 'undefined filter: where_exp'],
  ])('%s', (source, line, column, message) => {
    const found = problem(source);
    expect(found).toMatchObject({ line, column });
    expect(found.message).toContain(message);
    expect(found.excerpt).toBe(source.split('\n')[line - 1]);
  });

  it('cuts a long line around the fault', () => {
    const found = problem(`${'x'.repeat(500)}{{ a | nope }}${'y'.repeat(500)}`);
    expect(found.column).toBe(501);
    expect(found.excerpt).toHaveLength(160);
    expect(found.excerpt).toContain('{{ a | nope }}');
  });

  it('gives a render error its place', () => {
    expect(text('ok\n  {{ 1 | divided_by: 0 }}')).toBe('error: divided by 0 (line 2, column 3)');
    expect(text('{% if true %}\n{{ 1 | divided_by: 0 }}{% endif %}')).toBe('error: divided by 0 (line 2, column 1)');
  });
});
