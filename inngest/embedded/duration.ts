/**
 * Reads the time strings of the SDK: compound durations ("1h30m10s") and ISO dates.
 */

const UNITS: Record<string, number> = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 };

/** Milliseconds of a compound duration; the empty text is 0. Undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+[wdhms])*$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)([wdhms])/g)) total += Number(amount) * UNITS[unit!]!;
  return total;
}

/** The moment a duration from `nowMs` or an ISO date names, in milliseconds. Undefined when it is neither. */
export function parseMoment(text: string, nowMs: number): number | undefined {
  const duration = parseDuration(text);
  if (duration !== undefined) return nowMs + duration;
  const moment = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(moment) ? undefined : moment;
}
