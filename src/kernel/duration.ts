/**
 * ISO 8601 durations as the contract reads them: weeks, days, hours, minutes, seconds with a fraction; a day is 86,400 s,
 * a week seven of them. Years and months are refused because their length depends on the calendar (say `P30D`).
 */
const PATTERN = /^P(?:(\d+)W|(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d{1,9})?)S)?)?)$/;

/** Milliseconds of a duration, or `null` when the text is not one. */
export function parseDuration(text: string): number | null {
  const match = PATTERN.exec(text);
  if (!match || text === 'P') return null;
  const [, weeks, days, hours, minutes, seconds] = match;
  const ms =
    Number(weeks ?? 0) * 604_800_000 +
    Number(days ?? 0) * 86_400_000 +
    Number(hours ?? 0) * 3_600_000 +
    Number(minutes ?? 0) * 60_000 +
    Math.round(Number((seconds ?? '0').replace(',', '.')) * 1000);
  return Number.isSafeInteger(ms) ? ms : null;
}
