import { NO_HISTORY, type Subject } from '../../segments/subject.js';
import { parseTemplate } from '../template.js';

const SUBJECT: Subject = {
  profile: {
    id: 'p',
    externalId: null,
    aliases: [],
    standard: { time_zone: 'America/Los_Angeles' },
    custom: { hash: { key: 'hello', list: [1, 2] }, when: '2026-07-01T10:00:00+09:00' },
    subscriptions: {},
    bucket: 0,
    createdAt: 0,
  },
  history: NO_HISTORY,
  journeys: {},
  webhooks: {},
  context: {},
  properties: {},
  companyTimeZone: 'Europe/Berlin',
};
const NOW = Date.parse('2026-11-24T03:30:05.250Z');

function text(source: string): string {
  const result = parseTemplate(source);
  if (!result.ok) throw new Error(JSON.stringify(result.problem));
  const rendered = result.template.render({ now: NOW, subject: SUBJECT });
  return rendered.ok ? rendered.text : `${rendered.kind}: ${rendered.reason}`;
}

describe('filters', () => {
  it.each([
    // The examples of Braze's own documentation.
    ["{{'hey' | md5}}", '6057f13c496ecf7fd777ceb9e79ae285'],
    ["{{'hey' | sha1}}", '7f550a9f4c44173a37664d938f1355f0f92a47a7'],
    ["{{'hey' | sha2}}", 'fa690b82061edfd2852629aeba8a8977b57e40fcb77d1a7a28b26cba62591204'],
    ["{{'blah' | base64_encode}}", 'YmxhaA=='],
    ["{{'hey' | hmac_sha1_hex: 'secret_key'}}", '2a3969bed25bfeefb00aca4063eb9590b4df8f0e'],
    ["{{'hey' | hmac_sha1_base64: 'secret_key'}}", 'KjlpvtJb/u+wCspAY+uVkLTfjw4='],
    ["{{'hey' | hmac_sha256_hex: 'secret_key'}}", '8df897f8da3d7992fe57c8dbc6f27578cfbf2dcc4d0fbb4000b8c924841d508e'],
    ["{{'hey' | hmac_sha256_base64: 'secret_key'}}", 'jfiX+No9eZL+V8jbxvJ1eM+/LcxND7tAALjJJIQdUI4='],
    ["{{'hey<>hi' | url_escape}}", 'hey%3C%3Ehi'],
    ["{{'hey<&>hi' | url_param_escape}}", 'hey%3C%26%3Ehi'],
    ["{{ 'google search' | url_encode }}", 'google+search'],
    ["{{'a/b c?d=e&f' | url_escape}}", 'a/b%20c?d=e&f'],
    ["{{'123\"456' | json_escape}}", '123\\"456'],
    ["{{custom_attribute.${hash} | property_accessor: 'key'}}", 'hello'],
    ['{{custom_attribute.${hash}.list | property_accessor: 1}}', '2'],
    ['{{123456 | number_with_delimiter}}', '123,456'],
    [
      "{{'1234567.891' | number_with_delimiter}} {{ -999 | number_with_delimiter}} {{'abc' | number_with_delimiter}}",
      '1,234,567.891 -999 abc',
    ],
    ['{{custom_attribute.${hash} | as_json_string}}', '{"key":"hello","list":[1,2]}'],
    ['{{nothing | json}}', 'null'],
    ['{{1234.5 | money}} {{ -3 | money}}', '1,234.50 -3.00'],
    ['{{7 | divided_by: 2}} {{7 | divided_by: 2.0}} {{ -7 | divided_by: 2}} {{7.5 | divided_by: 2}}', '3 3.5 -4 3.75'],
    ['{{ -7 | modulo: 3}}', '2'],
  ])('%s', (source, expected) => {
    expect(text(source)).toBe(expected);
  });

  it.each([
    ["{{'now' | date: '%s'}}", '1795491005'],
    ["{{'now' | date: '%Y-%m-%d %H:%M:%S.%L %z %Z'}}", '2026-11-24 03:30:05.250 +0000 UTC'],
    [
      "{{'2026-01-02' | date: '%a %A %b %B %-d %e %j %y %U %W %V %G %u %w'}}",
      'Fri Friday Jan January 2  2 002 26 00 00 01 2026 5 5',
    ],
    [
      "{{'2026-01-02T15:04:05' | date: '%I:%M %p %l %P %k %-H %^b %F %T %D %R'}}",
      '03:04 PM  3 pm 15 15 JAN 2026-01-02 15:04:05 01/02/26 15:04',
    ],
    ["{{'2026-01-02T15:04:05+09:00' | date: '%H:%M %z %:z %s'}}", '15:04 +0900 +09:00 1767333845'],
    ["{{custom_attribute.${when} | time_zone: ${time_zone} | date: '%d %H:%M %z'}}", '30 18:00 -0700'],
    ["{{'now' | time_zone: 'Asia/Seoul' | date: '%H:%M'}}", '12:30'],
    ["{{'now' | time_zone: 'Asia/Seoul'}}", '2026-11-24 12:30:05 +0900'],
    ["{{'now' | time_zone: nothing | date: '%H:%M'}}", '04:30'],
    [
      "{{1700000000 | date: '%Y'}} {{'1700000000' | date: '%Y'}} {{'12/24/2026' | date: '%F'}} {{'Nov 24 2026' | date: '%F'}}",
      '2023 2023 2026-12-24 2026-11-24',
    ],
    ["{{'not a date' | date: '%Y'}}|{{nothing | date: '%Y'}}|{{'2026-02-30' | date: '%q'}}", 'not a date||2026-02-30'],
    ["{{'2026-01-02' | date: '%Q %5d %N'}}", '%Q 00002 000000000'],
  ])('times: %s', (source, expected) => {
    expect(text(source)).toBe(expected);
  });
});
