import { readFileSync } from 'node:fs';
import type { Issue } from './decision.js';
import { definitionJsonSchema } from './definition.schema.js';
import { validate } from './validate.js';

const wait = { type: 'delay', for: 'PT1H', next: null };
const split = (yes: string | null, no: string | null) => ({
  type: 'decision_split',
  if: { attribute: 'plan', op: 'equals', value: 'pro' },
  yes,
  no,
});
const hook = (rest: object = {}) => ({
  type: 'webhook',
  request: { method: 'POST', url: 'https://x.example.com/a' },
  next: null,
  ...rest,
});

function doc(steps: Record<string, unknown>, rest: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    schema: 1,
    key: 'k',
    name: 'N',
    entry: { trigger: { type: 'api' } },
    start: Object.keys(steps)[0],
    ...rest,
    steps,
  };
}

function issuesOf(document: unknown): Issue[] {
  return validate(document).issues;
}

/** `path code` of every error (or warning). */
function brief(document: unknown, level: 'error' | 'warning' = 'error'): string[] {
  return issuesOf(document)
    .filter((issue) => issue.level === level)
    .map(({ path, code }) => `${path} ${code}`)
    .sort();
}

function step(fields: object): string[] {
  return brief(doc({ s: fields, t: { type: 'exit' } })).map((line) => line.replace('/steps/s', ''));
}

const example = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../examples/${name}.json`, import.meta.url), 'utf8'));

describe('the examples of the contract', () => {
  it.each(['onboarding', 'letter-and-fallback'])('%s has no errors', (name) => {
    const document = example(name);
    const { issues, definition } = validate(document);
    expect(issues.filter(({ level }) => level === 'error')).toEqual([]);
    expect(JSON.stringify(definition)).toBe(JSON.stringify(document));
  });

  it('abandoned-cart is refused by the names of what is not built yet, and by nothing else', () => {
    expect(brief(example('abandoned-cart'))).toEqual(['/conversions not_built_yet', '/send/quiet_hours not_built_yet']);
  });
});

describe('a document', () => {
  it('is strict: unknown keys, wrong types, missing keys and dangling steps are all reported at once', () => {
    const document = {
      schema: 2,
      key: 'Not A Key',
      name: 5,
      colour: 'red',
      entry: { trigger: { type: 'api', extra: 1 } },
      start: 'nowhere',
      steps: {
        wait: { type: 'delay', for: 'P1M', next: 'gone', nxt: 'x' },
        hook: { type: 'webhook', request: { method: 'GET', url: '{{ broken', body: { raw: 'x' } }, next: 'wait' },
        odd: { type: 'teleport', next: null },
        half: { type: 'decision_split', if: { attribute: 'a', op: 'equals', value: 1 }, yes: 'lost' },
        Bad: { type: 'exit' },
      },
    };
    expect(brief(document)).toEqual([
      '/colour unknown_key',
      '/entry/trigger/extra unknown_key',
      '/key invalid_format',
      '/name wrong_type',
      '/schema invalid_value',
      '/start step_unknown',
      '/steps/Bad invalid_key',
      '/steps/half/no required',
      '/steps/half/yes step_unknown',
      '/steps/hook/request/body get_with_body',
      '/steps/hook/request/url liquid_syntax',
      '/steps/odd/type step_type_unknown',
      '/steps/wait/for duration_invalid',
      '/steps/wait/next step_unknown',
      '/steps/wait/nxt unknown_key',
    ]);
    expect(validate(document).definition).toBeNull();
  });

  it.each([null, 5, 'x', [], undefined])('that is %p is refused', (document) => {
    expect(brief(document)).toEqual([' wrong_type']);
  });

  it('names the month it refuses and says what to write', () => {
    const [issue] = issuesOf(doc({ wait: { type: 'delay', for: 'P1M', next: null } }));
    expect(issue).toMatchObject({ path: '/steps/wait/for', code: 'duration_invalid', level: 'error' });
    expect(issue!.message).toContain('P30D');
  });

  it('gives line, column and excerpt of a Liquid error', () => {
    const raw = 'first\nsecond {% if x %}';
    const issue = issuesOf(
      doc({ s: hook({ request: { method: 'POST', url: 'https://x.example.com', body: { raw } } }) }),
    ).find(({ code }) => code === 'liquid_syntax');
    expect(issue).toMatchObject({ path: '/steps/s/request/body/raw', line: 2, excerpt: 'second {% if x %}' });
    expect(issue!.column).toBeGreaterThan(0);
  });

  it('finds Liquid errors deep in a JSON body', () => {
    const body = { json: { list: [{ 'a/b': '{{ ${x }}' }] } };
    expect(step(hook({ request: { method: 'POST', url: 'https://x.example.com', body } }))).toEqual([
      '/request/body/json/list/0/a~1b liquid_syntax',
    ]);
  });

  it('needs a start, and variants are named as not built yet', () => {
    expect(brief(doc({ s: { type: 'exit' } }, { start: undefined }))).toEqual(['/start required']);
    const variants = [
      { id: 'a', weight: 60, start: 's' },
      { id: 'b', weight: 30, control: true },
    ];
    expect(brief(doc({ s: { type: 'exit' } }, { start: undefined, variants }))).toEqual([
      '/variants not_built_yet',
      '/variants weights_not_100',
    ]);
    expect(brief(doc({ s: { type: 'exit' } }, { variants: [], conversions: [] }))).toEqual([]);
  });

  it('refuses "__proto__" anywhere and nesting without end', () => {
    expect(brief(JSON.parse('{"schema":1,"steps":{"__proto__":{"type":"exit"}}}'))).toEqual([
      '/steps/__proto__ unknown_key',
    ]);
    let filter: unknown = { attribute: 'a', op: 'exists' };
    for (let i = 0; i < 20_000; i++) filter = { not: filter };
    expect(issuesOf(doc({ s: { type: 'decision_split', if: filter, yes: null, no: null } }))[0]).toMatchObject({
      code: 'limit_exceeded',
    });
  });

  it('may call its steps as it likes', () => {
    const steps = {
      constructor: { ...wait, next: 'completed' },
      completed: { ...wait, next: 'exited' },
      exited: { type: 'exit' },
    };
    expect(brief(doc(steps))).toEqual([]);
  });
});

describe('limits are named', () => {
  const message = (document: unknown, path: string): string =>
    issuesOf(document).find((issue) => issue.path === path && issue.code === 'limit_exceeded')?.message ?? '';

  it('200 steps', () => {
    const steps = Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`s${i}`, { type: 'exit' }]));
    expect(message(doc(steps), '/steps')).toContain('200 steps');
  });

  it('8 paths', () => {
    const paths = Array.from({ length: 8 }, (_, i) => ({ name: `p${i}`, if: { bucket: [0, i] }, next: null }));
    expect(message(doc({ s: { type: 'audience_paths', paths, everyone_else: null } }), '/steps/s/paths')).toContain(
      '8 paths',
    );
    expect(brief(doc({ s: { type: 'audience_paths', paths: paths.slice(1), everyone_else: null } }))).toEqual([]);
  });

  it('256 KB', () => {
    expect(message(doc({ s: { type: 'exit' } }, { description: 'x'.repeat(262_144) }), '')).toContain('256 KB');
  });

  it('4 conversions, 10 context variables, 31 days of a window, 730 days of a delay', () => {
    const conversion = { name: 'c', on: { event: 'e' } };
    expect(message(doc({ s: { type: 'exit' } }, { conversions: Array(5).fill(conversion) }), '/conversions')).toContain(
      '4',
    );
    const set = Array.from({ length: 11 }, (_, i) => ({ name: `v${i}`, type: 'string', value: 'x' }));
    expect(message(doc({ s: { type: 'context', set, next: null } }), '/steps/s/set')).toContain('10');
    const paths = [{ name: 'p', on: [{ event: 'e' }], next: null }];
    expect(
      message(doc({ s: { type: 'action_paths', window: 'P32D', paths, everyone_else: null } }), '/steps/s/window'),
    ).toContain('P31D');
    expect(message(doc({ s: { type: 'delay', for: 'P731D', next: 's' } }), '/steps/s/for')).toContain('730');
  });
});

describe('what is not built yet is refused by name', () => {
  it.each([
    ['experiment_paths', { type: 'experiment_paths', paths: [{ name: 'a', weight: 100, next: null }] }, '/type'],
    ['send_to_journey', { type: 'send_to_journey', journey: 'other', next: null }, '/type'],
    ['feature_flag', { type: 'feature_flag', flag: 'f', enabled: true, next: null }, '/type'],
    ['callback', { type: 'callback', window: 'P1D', received: null, timeout: null }, '/type'],
    ['a delay for … at', { type: 'delay', for: 'P1D', at: '09:00', next: 't' }, '/at'],
    ['a delay of calendar days', { type: 'delay', calendar_days: 1, at: '09:00', next: 't' }, '/calendar_days'],
    ['a delay to a weekday', { type: 'delay', weekday: 'monday', at: '09:00', next: 't' }, '/weekday'],
    ['a personalised delay', { type: 'delay', from: '{{context.${x}}}', next: 't' }, '/from'],
    [
      'ranked paths',
      {
        type: 'action_paths',
        ranked: true,
        paths: [{ name: 'p', on: [{ event: 'e' }], next: null }],
        everyone_else: null,
      },
      '/ranked',
    ],
    ['ordered', hook({ ordered: true }), '/ordered'],
    ['sign', hook({ sign: true }), '/sign'],
    ['quiet hours of a step', hook({ quiet_hours: false }), '/quiet_hours'],
    ['a template', { type: 'webhook', template: 't', next: null }, '/template'],
  ])('%s', (_name, fields, path) => {
    expect(step(fields)).toEqual([`${path} not_built_yet`]);
  });

  it("send controls, triggers, schedules in the user's zone", () => {
    const send = { quiet_hours: { from: '22:00', to: '06:00' }, rate_limit: { per_minute: 10 }, frequency_cap: true };
    expect(brief(doc({ s: { type: 'exit' } }, { send }))).toEqual([
      '/send/frequency_cap not_built_yet',
      '/send/quiet_hours not_built_yet',
      '/send/rate_limit not_built_yet',
    ]);
    expect(brief(doc({ s: { type: 'exit' } }, { send: { frequency_cap: false } }))).toEqual([]);
    const on = [{ session_start: true }, { entered_journey: 'j' }, { converted: { journey: 'j', index: 0 } }];
    expect(brief(doc({ s: { type: 'exit' } }, { entry: { trigger: { type: 'event', on } } }))).toEqual([
      '/entry/trigger/on/0/session_start not_built_yet',
      '/entry/trigger/on/1/entered_journey not_built_yet',
      '/entry/trigger/on/2/converted not_built_yet',
    ]);
    const trigger = { type: 'schedule', at: '2026-12-01T09:00', timezone: 'user' };
    expect(brief(doc({ s: { type: 'exit' } }, { entry: { trigger } }))).toEqual([
      '/entry/trigger/timezone not_built_yet',
    ]);
  });
});

describe('loops', () => {
  it('without a wait are an error', () => {
    const steps = { a: split('b', null), b: { type: 'user_update', increment: { n: 1 }, next: 'a' } };
    expect(brief(doc(steps))).toEqual(['/steps/a loop_without_wait']);
    expect(brief(doc({ a: { type: 'delay', for: 'PT0S', next: 'a' } }))).toEqual(['/steps/a loop_without_wait']);
    expect(brief(doc({ a: hook({ request: { method: 'POST', url: '{{context.${u}}}' }, next: 'a' }) }))).toEqual([
      '/steps/a loop_without_wait',
    ]);
  });

  it('with a delay are fine; of webhooks alone they are warned of', () => {
    expect(brief(doc({ a: split('b', null), b: { type: 'delay', for: 'PT1S', next: 'a' } }))).toEqual([]);
    expect(brief(doc({ a: hook({ next: 'a' }) }))).toEqual([]);
    expect(brief(doc({ a: hook({ next: 'a' }) }), 'warning')).toEqual(['/steps/a loop_of_webhooks']);
  });
});

describe('warnings', () => {
  it('do not refuse: unreachable step, delay as the last step, unknown Liquid variable', () => {
    const schedule = { trigger: { type: 'schedule', at: '2026-12-01T09:00' } };
    const body = { json: { a: '{{context.${cart}}}', b: '{{context.${set}}}', c: '{{${first_name}}} {{ oops.x }}' } };
    const steps = {
      vars: { type: 'context', set: [{ name: 'set', type: 'string', value: 'x' }], next: 'hook' },
      hook: hook({ request: { method: 'POST', url: 'https://x.example.com', body }, next: 'wait' }),
      wait,
      island: { type: 'exit' },
    };
    const document = doc(steps, { entry: schedule, layout: { gone: { x: 0, y: 0 } } });
    expect(brief(document, 'warning')).toEqual([
      '/layout/gone step_unknown',
      '/steps/hook/request/body/json/a variable_unknown',
      '/steps/hook/request/body/json/c variable_unknown',
      '/steps/island step_unreachable',
      '/steps/wait/next delay_is_last',
    ]);
    expect(validate(document).definition).toBe(document);
  });

  it('know that an API call or an event may bring any variable', () => {
    const steps = { hook: hook({ request: { method: 'POST', url: 'https://x.example.com/{{context.${id}}}' } }) };
    expect(brief(doc(steps), 'warning')).toEqual([]);
  });
});

it('the JSON Schema covers the format and is plain JSON', () => {
  const schema = JSON.parse(JSON.stringify(definitionJsonSchema())) as { $schema: string; required?: string[] };
  expect(schema.$schema).toContain('2020-12');
  const text = JSON.stringify(schema);
  for (const word of ['experiment_paths', 'result_within', 'attribute_changed', 'layout', 'quiet_hours'])
    expect(text).toContain(word);
});

it('names the limit of a list that is too long, whatever stands in it', () => {
  const many = { a: wait };
  expect(brief(doc(many, { conversions: [1, 2, 3, 4, 5] }))).toEqual(['/conversions limit_exceeded']);
  expect(brief(doc(many, { conversions: Array(6).fill({ name: 'x' }) }))).toEqual(['/conversions limit_exceeded']);
});
