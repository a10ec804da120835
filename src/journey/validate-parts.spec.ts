import type { Issue } from './decision.js';
import { validate } from './validate.js';

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

describe('a webhook', () => {
  it('says where a result leads only when it waits for one', () => {
    expect(step(hook({ next: undefined }))).toEqual(['/next required']);
    expect(step(hook({ on: { failure: 't' }, capture: { a: '/a' }, result_within: 'PT1H' }))).toEqual([
      '/capture needs_result',
      '/on needs_result',
      '/result_within needs_result',
    ]);
    expect(step(hook({ advance: 'result', on: { success: 't' } }))).toEqual(['/next next_and_success']);
    expect(step(hook({ advance: 'result', next: undefined, on: { failure: 't' } }))).toEqual(['/next required']);
    expect(step(hook({ advance: 'result', next: undefined, on: { success: 't' }, capture: { id: '/id' } }))).toEqual(
      [],
    );
  });

  it('has a URL of http or https, and headers that HTTP can carry', () => {
    const request = (fields: object) =>
      step(hook({ request: { method: 'POST', url: 'https://x.example.com', ...fields } }));
    expect(request({ url: 'ftp://x.example.com' })).toEqual(['/request/url url_invalid']);
    expect(request({ url: 'example.com/{{${user_id}}}' })).toEqual(['/request/url url_invalid']);
    expect(request({ url: '{{context.${url}}}' })).toEqual([]);
    expect(request({ headers: { 'X A': '1', Host: 'x', 'x-b': 'a\r\nb', 'X-B': '2' } })).toEqual([
      '/request/headers/Host header_reserved',
      '/request/headers/X A header_invalid',
      '/request/headers/X-B header_twice',
      '/request/headers/x-b header_invalid',
    ]);
    expect(request({ method: 'TRACE' })).toEqual(['/request/method invalid_value']);
  });

  it('captures by JSON Pointer into context variables', () => {
    expect(step(hook({ advance: 'result', capture: { 'a b': '/a', ok: 'a.b' } }))).toEqual([
      '/capture/a b invalid_key',
      '/capture/ok pointer_invalid',
    ]);
  });
});

describe('a delay', () => {
  it('has exactly one form and nothing that does not go with it', () => {
    expect(step({ type: 'delay', next: 't' })).toEqual([' delay_form']);
    expect(step({ type: 'delay', for: 'P1D', until: '2026-12-01T09:00', next: 't' })).toEqual([' delay_form']);
    expect(step({ type: 'delay', until: '2026-12-01T09:00', at: '09:00', next: 't' })).toEqual(['/at delay_form']);
    expect(step({ type: 'delay', until: 'soon', next: 't' })).toEqual(['/until date_time_invalid']);
    expect(step({ type: 'delay', until: '2026-12-01T09:00', timezone: 'Mars/Olympus', next: 't' })).toEqual([
      '/timezone time_zone_invalid',
    ]);
  });
});

describe('other steps', () => {
  it('user_update changes an attribute once and never whom it is for', () => {
    expect(step({ type: 'user_update', set: { a: 1, external_id: 'x' }, increment: { a: 1 }, next: null })).toEqual([
      '/increment/a attribute_twice',
      '/set/external_id attribute_reserved',
    ]);
  });

  it('action_paths: a path leads somewhere or ends the entry', () => {
    const paths = [
      { name: 'a', on: [{ event: 'e' }] },
      { name: 'a', on: [{ event: 'e' }], exit: true },
      { name: 'c', on: [{ event: 'e' }], exit: true, next: 't' },
      { name: 'd', on: [{ evnt: 'e' }], next: null },
    ];
    expect(step({ type: 'action_paths', paths, everyone_else: 't' })).toEqual(
      expect.arrayContaining(['/paths/3/on/0 no_match']),
    );
    expect(step({ type: 'action_paths', paths: paths.slice(0, 3), everyone_else: 't' })).toEqual([
      '/paths/0/next required',
      '/paths/1/name path_name_twice',
      '/paths/2/next exit_with_next',
    ]);
  });

  it('experiment weights sum to 100', () => {
    expect(
      step({
        type: 'experiment_paths',
        paths: [{ name: 'a', weight: 50, next: null }],
        control: { weight: 40, next: null },
      }),
    ).toContain('/paths weights_not_100');
  });
});

describe('entry', () => {
  const entry = (fields: object): string[] => brief(doc({ s: { type: 'exit' } }, { entry: fields }));

  it('takes all triggers that are built', () => {
    const on = [
      { event: 'e', where: { property: 'a', op: 'equals', value: 1 } },
      { purchase: '*' },
      { attribute_changed: 'plan', to: 'pro' },
      { subscription_changed: 'email', to: 'unsubscribed' },
    ];
    expect(entry({ trigger: { type: 'event', on, from: '2026-12-01T00:00', until: '2027-01-01T00:00' } })).toEqual([]);
    const repeat = { every: 'week', interval: 1, weekdays: ['monday'], until: '2027-03-01', count: 30 };
    expect(entry({ trigger: { type: 'schedule', at: '2026-12-01T09:00', repeat } })).toEqual([]);
  });

  it('takes the three forms of re-entry', () => {
    const api = { type: 'api' };
    for (const reentry of [false, { after: 'PT0S' }, { after: 'max_duration' }])
      expect(entry({ trigger: api, reentry })).toEqual([]);
    expect(entry({ trigger: api, reentry: { key: '{{context.${order}}}' } })).toEqual([]);
    expect(entry({ trigger: api, reentry: true })).toEqual(['/entry/reentry no_match']);
    expect(entry({ trigger: api, reentry: { after: 'P1Y' } })).toEqual(['/entry/reentry/after duration_invalid']);
  });

  it('knows windows and limits that make no sense', () => {
    const trigger = { type: 'event', on: [{ event: 'e' }], from: '2027-01-01', until: '2026-01-01' };
    expect(entry({ trigger, limit: { max: 1, per: 'run' } })).toEqual([
      '/entry/limit/per limit_per_run',
      '/entry/trigger/until until_before_start',
    ]);
    expect(
      entry({
        trigger: {
          type: 'schedule',
          at: '2026-12-01T09:00',
          repeat: { every: 'day', weekdays: ['monday'], until: '2026-11-01' },
        },
      }),
    ).toEqual([
      '/entry/trigger/repeat/until until_before_start',
      '/entry/trigger/repeat/weekdays weekdays_without_week',
    ]);
    expect(entry({ trigger: { type: 'telepathy' } })).toEqual(['/entry/trigger/type type_unknown']);
  });
});
