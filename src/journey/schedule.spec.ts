import fc from 'fast-check';
import { nextRun, type Schedule } from './schedule.js';

type Repeat = NonNullable<Schedule['repeat']>;

function runs(at: string, repeat: Repeat | undefined, zone = 'UTC', most = 6): string[] {
  const schedule: Schedule = { type: 'schedule', at, ...(repeat ? { repeat } : {}) };
  const found: string[] = [];
  for (let last: number | null = null; found.length < most;) {
    last = nextRun(schedule, last, zone, 'UTC');
    if (last === null) break;
    found.push(new Date(last).toISOString().slice(0, 16));
  }
  return found;
}

describe('a schedule', () => {
  it('runs once without "repeat"', () => {
    expect(runs('2026-12-01T09:00', undefined)).toEqual(['2026-12-01T09:00']);
    expect(nextRun({ type: 'schedule', at: '2026-12-01T09:00' }, Date.UTC(2026, 11, 1, 9), 'UTC', 'UTC')).toBeNull();
  });

  it("is in its own zone, else the journey's, else the company's", () => {
    const at = '2026-12-01T09:00';
    const hour = (schedule: Schedule, journey: string, company: string) =>
      new Date(nextRun(schedule, null, journey, company)!).getUTCHours();
    expect(hour({ type: 'schedule', at, timezone: 'Asia/Seoul' }, 'Europe/Berlin', 'UTC')).toBe(0);
    expect(hour({ type: 'schedule', at }, 'Europe/Berlin', 'UTC')).toBe(8);
    expect(hour({ type: 'schedule', at }, 'company', 'America/New_York')).toBe(14);
  });

  it('keeps its wall-clock time over a switch to winter time', () => {
    expect(runs('2026-10-24T09:00', { every: 'day' }, 'Europe/Berlin', 3)).toEqual([
      '2026-10-24T07:00',
      '2026-10-25T08:00',
      '2026-10-26T08:00',
    ]);
  });

  it('runs an hour later on the day that lacks its hour, and once on the day that has it twice', () => {
    expect(runs('2026-03-28T02:30', { every: 'day' }, 'Europe/Berlin', 3)).toEqual([
      '2026-03-28T01:30',
      '2026-03-29T01:30',
      '2026-03-30T00:30',
    ]);
    expect(runs('2026-10-24T02:30', { every: 'day' }, 'Europe/Berlin', 3)).toEqual([
      '2026-10-24T00:30',
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ]);
  });

  it('on the 31st runs on the last day of shorter months, and on the 31st again after them', () => {
    expect(runs('2027-01-31T09:00', { every: 'month' }, 'UTC', 5)).toEqual([
      '2027-01-31T09:00',
      '2027-02-28T09:00',
      '2027-03-31T09:00',
      '2027-04-30T09:00',
      '2027-05-31T09:00',
    ]);
  });

  it('takes every n-th day, week or month', () => {
    expect(runs('2026-12-01T09:00', { every: 'day', interval: 10 }, 'UTC', 2)[1]).toBe('2026-12-11T09:00');
    expect(runs('2026-12-01T09:00', { every: 'week', interval: 2 }, 'UTC', 2)[1]).toBe('2026-12-15T09:00');
    expect(runs('2026-12-01T09:00', { every: 'month', interval: 3 }, 'UTC', 2)[1]).toBe('2027-03-01T09:00');
  });

  it('on weekdays begins with the first one at or after "at"', () => {
    // 2026-12-02 is a Wednesday.
    expect(runs('2026-12-02T09:00', { every: 'week', weekdays: ['friday', 'monday'] }, 'UTC', 4)).toEqual([
      '2026-12-04T09:00',
      '2026-12-07T09:00',
      '2026-12-11T09:00',
      '2026-12-14T09:00',
    ]);
    expect(
      runs('2026-12-02T09:00', { every: 'week', interval: 2, weekdays: ['monday', 'wednesday'] }, 'UTC', 4),
    ).toEqual(['2026-12-02T09:00', '2026-12-14T09:00', '2026-12-16T09:00', '2026-12-28T09:00']);
  });

  it('ends with "count" runs, and with the day "until", inclusive', () => {
    expect(runs('2026-12-01T09:00', { every: 'day', count: 3 })).toHaveLength(3);
    expect(runs('2026-12-02T09:00', { every: 'week', weekdays: ['monday', 'friday'], count: 3 })).toEqual([
      '2026-12-04T09:00',
      '2026-12-07T09:00',
      '2026-12-11T09:00',
    ]);
    expect(runs('2026-12-01T09:00', { every: 'day', until: '2026-12-03' })).toHaveLength(3);
    expect(runs('2026-12-01T09:00', { every: 'day', until: '2026-12-03T08:59' })).toHaveLength(2);
    expect(runs('2026-12-01T09:00', { every: 'day', until: '2026-12-03T09:00' })).toHaveLength(3);
  });

  it('finds the next run after any moment as if it had counted them all', () => {
    const repeat = fc.record({
      every: fc.constantFrom('day' as const, 'week' as const, 'month' as const),
      interval: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(
        repeat,
        fc.integer({ min: 0, max: 400 }),
        fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York'),
        (rule, days, zone) => {
          const schedule: Schedule = { type: 'schedule', at: '2026-01-31T02:30', repeat: rule };
          const after = Date.UTC(2026, 0, 31) + days * 86_400_000;
          let run = nextRun(schedule, null, zone, 'UTC')!;
          while (run <= after) run = nextRun(schedule, run, zone, 'UTC')!;
          expect(nextRun(schedule, after, zone, 'UTC')).toBe(run);
        },
      ),
      { numRuns: 60 },
    );
  });
});
