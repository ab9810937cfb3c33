/**
 * Decides when a failed call is tried again. Same ladder as the real server, so functions behave alike on both.
 */

const S = 1000;
const M = 60 * S;
const LADDER_MS = [15 * S, 30 * S, M, 2 * M, 5 * M, 10 * M, 20 * M, 40 * M, 60 * M, 120 * M];

/** How long a lost connection is given before the next try, in milliseconds, at most. */
const TRANSPORT_LIMIT_MS = 5 * S;

/**
 * Delay before the attempt that follows `attempt` (0 for the first), in milliseconds, with up to 10 % jitter.
 * @param scale 1 in production; tests shrink time with it
 * @param random a number in [0, 1)
 */
export function backoffMs(attempt: number, scale: number, random: number): number {
  const step = LADDER_MS[Math.min(attempt, LADDER_MS.length - 1)]!;
  return Math.round(step * scale * (1 + random / 10));
}

/** Delay after the app could not be reached `failures` times in a row: nothing ran, so it is asked again soon. */
export function unreachableMs(failures: number): number {
  return Math.min(200 * 2 ** Math.min(failures, 10), TRANSPORT_LIMIT_MS);
}

/** Milliseconds until a `Retry-After` value (seconds or a date). Undefined when it is absent or unreadable. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (!header) return undefined;
  if (/^\d+(\.\d+)?$/.test(header)) return Number(header) * S;
  const moment = Date.parse(header);
  return Number.isNaN(moment) ? undefined : Math.max(0, moment - nowMs);
}
