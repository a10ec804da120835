import fc from 'fast-check';
import { dayOf, isDateOutOfRange, parseDate, parseDay } from './dates.js';

const at = (text: string): number => Date.parse(text);

describe('parseDate', () => {
  it.each([
    ['2026-03-01T12:30:45Z', '2026-03-01T12:30:45.000Z'],
    ['2026-03-01T12:30:45.25Z', '2026-03-01T12:30:45.250Z'],
    ['2026-03-01T12:30:45.123456789Z', '2026-03-01T12:30:45.123Z'],
    ['2026-03-01T12:30:45+09:00', '2026-03-01T03:30:45.000Z'],
    ['2026-03-01T12:30:45-0500', '2026-03-01T17:30:45.000Z'],
    ['2026-03-01T12:30:45+09', '2026-03-01T03:30:45.000Z'],
    ['2026-03-01T12:30+01:00', '2026-03-01T11:30:00.000Z'],
    ['2026-03-01T12:30:45:678Z', '2026-03-01T12:30:45.678Z'],
    ['2026-03-01T12:30:45:678+0100', '2026-03-01T11:30:45.678Z'],
    ['2026-03-01T12:30:45', '2026-03-01T12:30:45.000Z'],
    ['2026-03-01 12:30:45', '2026-03-01T12:30:45.000Z'],
    ['2026-03-01 12:30:45 UTC', '2026-03-01T12:30:45.000Z'],
    ['2026-03-01', '2026-03-01T00:00:00.000Z'],
    ['03/01/2026', '2026-03-01T00:00:00.000Z'],
    ['Sun 03 01 12:30:45.Z 2026', '2026-03-01T12:30:45.000Z'],
    ['Sun 03 01 12:30:45.-0500 2026', '2026-03-01T17:30:45.000Z'],
    ['Sun Mar 01 12:30:45 UTC 2026', '2026-03-01T12:30:45.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['3000-12-31', '3000-12-31T00:00:00.000Z'],
    ['2026-12-31T23:59:60Z', '2027-01-01T00:00:00.000Z'],
    ['2026-12-31T24:00:00Z', '2027-01-01T00:00:00.000Z'],
    ['0099-01-01', '0099-01-01T00:00:00.000Z'],
  ])('reads %s', (text, expected) => {
    expect(parseDate(text)).toBe(at(expected));
  });

  it.each([
    '',
    'tomorrow',
    '2026',
    '2026-3-1',
    '2026-02-29',
    '2026-13-01',
    '2026-00-01',
    '2026-01-32',
    '2026-01-01T25:00:00Z',
    '2026-01-01T10:60:00Z',
    '2026-01-01T10:00:00+25:00',
    '2026-01-01T10:00:00+01:75',
    '13/01/2026',
    '3001-01-01',
    '2026-01-01T',
    '2026-01-01Z',
    '1764000000',
    ' 2026-01-01',
  ])('refuses %j', (text) => {
    expect(parseDate(text)).toBeNull();
  });

  it('reads back what toISOString writes', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01'), max: new Date('3000-12-31'), noInvalidDate: true }),
        (date) => {
          expect(parseDate(date.toISOString())).toBe(date.getTime());
        },
      ),
    );
  });
});

it('tells years out of range from texts that are no dates', () => {
  expect(isDateOutOfRange('3001-01-01')).toBe(true);
  expect(isDateOutOfRange('-0001-01-01T00:00:00Z')).toBe(true);
  expect(isDateOutOfRange('01/01/3500')).toBe(true);
  expect(isDateOutOfRange('2026-01-01')).toBe(false);
  expect(isDateOutOfRange('3001 ways')).toBe(false);
});

it('knows days', () => {
  expect(parseDay('1990-02-28')).toBe(at('1990-02-28T00:00:00Z'));
  expect(parseDay('1990-02-30')).toBeNull();
  expect(parseDay('1990-02-28T00:00:00Z')).toBeNull();
  expect(dayOf(at('2026-03-01T23:59:59.999Z'))).toBe('2026-03-01');
});
