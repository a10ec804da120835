import { Drive, journeyOf, profileOf } from '../spec-facts.js';
import { convert } from './context.js';

function run(set: object[], context = {}, custom = {}): { context: object; why: string | undefined } {
  const journey = journeyOf({ c: { type: 'context', set, next: null } });
  const drive = new Drive(journey, { context, profile: profileOf({ custom }) }).start();
  expect(drive.status).toBe('completed');
  return { context: drive.state.context, why: drive.trail.find(({ what }) => what === 'went')!.why };
}

describe('a context step', () => {
  it('computes in order; later variables see earlier ones', () => {
    const set = [
      { name: 'a', type: 'number', value: '{{context.${n} | plus: 1}}' },
      { name: 'b', type: 'string', value: 'a is {{context.${a}}}' },
      { name: 'n', type: 'number', value: '{{context.${a} | times: 10}}' },
    ];
    expect(run(set, { n: 1 })).toEqual({ context: { n: 20, a: 2, b: 'a is 2' }, why: undefined });
  });

  it('leaves a variable as it was when its value is empty, of another type or aborted, and goes on', () => {
    const set = [
      { name: 'n', type: 'number', value: 'many' },
      { name: 's', type: 'string', value: '{{custom_attribute.${missing}}}' },
      { name: 'x', type: 'string', value: "{% abort_message('no') %}" },
      { name: 'ok', type: 'boolean', value: 'true' },
    ];
    const { context, why } = run(set, { n: 5 });
    expect(context).toEqual({ n: 5, ok: true });
    expect(why).toMatch(/not updated: n .*, s .*, x .*no/);
  });

  it('stores no variable beyond 50 KB, and tries the later ones', () => {
    const of = (name: string, kilobytes: number) => ({ name, type: 'string', value: 'x'.repeat(kilobytes) });
    const custom = { big: 'x'.repeat(30 * 1024), mid: 'x'.repeat(19 * 1024), small: 'x'.repeat(2 * 1024) };
    const set = ['big', 'mid', 'small'].map((name) => ({
      name,
      type: 'string',
      value: `{{custom_attribute.\${${name}}}}`,
    }));
    const { context, why } = run([...set, of('tiny', 1)], {}, custom);
    expect(Object.keys(context)).toEqual(['big', 'mid', 'tiny']);
    expect(why).toContain('small');
  });

  it.each([
    ['string', 5, '5'],
    ['string', { a: 1 }, undefined],
    ['number', ' 12.5 ', 12.5],
    ['number', '0x10', undefined],
    ['number', true, undefined],
    ['boolean', 'false', false],
    ['boolean', 'yes', undefined],
    ['time', '2026-12-01T09:00:00+09:00', '2026-12-01T00:00:00.000Z'],
    ['time', '2026-12-01 09:00:00', '2026-12-01T09:00:00.000Z'],
    ['time', '2026-12-01', '2026-12-01T00:00:00.000Z'],
    ['time', 'tomorrow', undefined],
    ['array', '["a", {"b": 1}]', ['a', { b: 1 }]],
    ['array', 'a, b', ['a', 'b']],
    ['array', '{"a": 1}', undefined],
    ['object', '{"a": 1}', { a: 1 }],
    ['object', '[1]', undefined],
    ['object', 'x', undefined],
    ['string', '', undefined],
    ['string', null, undefined],
  ] as const)('%s of %j is %j', (type, value, expected) => {
    expect(convert(value, type)).toEqual(expected);
  });
});
