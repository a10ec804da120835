/** Offsets of IANA time zones, from the platform's own database. */
const formats = new Map<string, Intl.DateTimeFormat | null>();
const NAME = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/;
/** More names than there are zones: whoever sends more is making them up. */
const KEPT = 1000;

function formatOf(zone: string): Intl.DateTimeFormat | null {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  if (!NAME.test(zone)) return null;
  let format: Intl.DateTimeFormat | null;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
      era: 'short',
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    format = null;
  }
  if (formats.size < KEPT) formats.set(zone, format);
  return format;
}

export function isTimeZone(zone: string): boolean {
  return formatOf(zone) !== null;
}

/** A moment (epoch milliseconds) as the zone's clocks show it, as if they showed UTC; `null` when there is no such zone. */
export function localTime(zone: string, at: number): number | null {
  const format = formatOf(zone);
  if (!format || !Number.isFinite(at)) return null;
  const parts: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(at)) parts[type] = value;
  const year = parts['era'] === 'BC' ? 1 - Number(parts['year']) : Number(parts['year']);
  const local = new Date(0);
  local.setUTCFullYear(year, Number(parts['month']) - 1, Number(parts['day']));
  local.setUTCHours(Number(parts['hour']), Number(parts['minute']), Number(parts['second']));
  return local.getTime() + (at - Math.floor(at / 1000) * 1000);
}

/** Minutes east of UTC of a zone at a moment, seconds rounded; `null` when there is no such zone. */
export function zoneOffset(zone: string, at: number): number | null {
  const local = localTime(zone, at);
  return local === null ? null : Math.round((local - at) / 60_000);
}
