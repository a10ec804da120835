import { NO_HISTORY, type Subject } from '../segments/subject.js';
import { parseTemplate, type LiquidScope } from './template.js';

const SUBJECT: Subject = {
  profile: {
    id: 'p',
    externalId: null,
    aliases: [],
    standard: {},
    custom: JSON.parse('{"__proto__":{"x":1},"s":"text","a":[1]}'),
    subscriptions: {},
    bucket: 0,
    createdAt: 0,
  },
  history: NO_HISTORY,
  journeys: {},
  webhooks: {},
  context: {},
  properties: {},
  companyTimeZone: 'UTC',
};
const SCOPE: LiquidScope = { now: 0, subject: SUBJECT };

/** The text, or `refused: …` (not parsed) or `error: …` (not rendered). Never slower than the limits allow. */
function run(source: string): string {
  const started = performance.now();
  const result = parseTemplate(source);
  let outcome: string;
  if (!result.ok) outcome = `refused: ${result.problem.message}`;
  else {
    const rendered = result.template.render(SCOPE);
    outcome = rendered.ok ? rendered.text : `${rendered.kind}: ${rendered.reason}`;
  }
  expect(performance.now() - started).toBeLessThan(3000);
  return outcome;
}

describe('hostile templates', () => {
  it('stops a huge range before it is built', () => {
    expect(run('{% for i in (1..100000000) %}x{% endfor %}')).toContain('memory alloc limit exceeded');
  });

  it('stops nested loops by time', () => {
    expect(
      run('{% for a in (1..900) %}{% for b in (1..900) %}{% for c in (1..900) %}{% endfor %}{% endfor %}{% endfor %}'),
    ).toMatch(/^error: .*limit exceeded/);
  });

  it('survives thousands of nested tags', () => {
    expect(run('{% if true %}'.repeat(5000) + '{% endif %}'.repeat(5000))).toMatch(
      /^(refused|error): the template is nested too deeply/,
    );
  });

  it.each([
    [
      '{{ constructor }}{{ __proto__ }}{{ toString }}{{ context.constructor.name }}{{ custom_attribute.s.constructor }}',
      '',
    ],
    ['{{ custom_attribute.a.map }}{{ context.hasOwnProperty }}{{ __profile.constructor }}', ''],
    [
      '{{ custom_attribute | property_accessor: "constructor" }}{{ custom_attribute.a | map: "constructor" | join }}',
      '',
    ],
  ])('gives no way to prototypes: %s', (source, expected) => {
    expect(run(source)).toBe(expected);
  });

  it('reads own data only, even when it is called __proto__', () => {
    expect(run('{{ custom_attribute.__proto__.x }}')).toBe('1');
  });

  it.each([
    '{% include "package.json" %}',
    '{% render "/etc/passwd" %}',
    '{% layout "package.json" %}',
    '{% block x %}{% endblock %}',
  ])('loads no file: %s', (source) => {
    expect(run(source)).toMatch(/^refused: tag .* not found/);
  });

  it('refuses a source of 300 KB', () => {
    expect(run(`{{x}}${'a'.repeat(300 * 1024)}`)).toMatch(/^refused: the template is over/);
  });

  it('parses a source full of tags in time', () => {
    expect(run('{{a}}'.repeat(10_000))).toBe('');
    expect(run('{{a}}'.repeat(50_000))).toBe('refused: the template has over 10000 outputs and tags');
  });

  it.each([
    '{% assign x = "0123456789" %}{% for i in (1..40) %}{% assign x = x | append: x %}{% endfor %}{{ x }}',
    '{% assign x = "0123456789" %}{% for i in (1..40) %}{% capture x %}{{x}}{{x}}{% endcapture %}{% endfor %}{{ x }}',
    '{% assign x = "aaaaaaaaaa" %}{% for i in (1..40) %}{% assign x = x | replace: "a", "aa" %}{% endfor %}{{ x | size }}',
    '{% assign x = "a,b" | split: "," %}{% for i in (1..60) %}{% assign x = x | concat: x %}{% endfor %}{{ x | join }}',
    '{% assign x = "\\"" %}{% for i in (1..60) %}{% assign x = x | json %}{% endfor %}{{ x }}',
    '{% for i in (1..99999) %}0123456789012345678901234567890123456789{% endfor %}',
    "{{ 0 | date: '%999999999Y' }}{% for i in (1..9999) %}{{ 0 | date: '%999Y%999Y%999Y%999Y%999Y' }}{% endfor %}",
  ])('stops output that grows without end: %s', (source) => {
    expect(run(source)).toMatch(/^error: .*(limit exceeded|is over)/);
  });

  it('has no filters that evaluate text, nest arrays or draw lots', () => {
    for (const filter of ['where_exp: "x", "1"', 'push: 1', 'unshift: 1', 'sample']) {
      expect(run(`{{ custom_attribute.a | ${filter} }}`)).toMatch(/^refused: undefined filter/);
    }
  });

  it('does not choke on unclosed braces', () => {
    for (const source of [
      '{{',
      '{%',
      '{{ "',
      "{{ '${x}",
      '{% raw %}{{',
      '{% comment %}',
      '{% ',
      '${',
      '{{}}',
      '{%%}',
      '{{ | }}',
    ]) {
      expect(typeof run(source)).toBe('string');
    }
  });
});
