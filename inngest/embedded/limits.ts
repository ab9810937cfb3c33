/**
 * What a run's calls compete for: the concurrency limits of its function and its place in their queues.
 */
import type { Limit } from "./call-gate";
import { canonicalize, type Json } from "./canonical-json";
import type { RegisteredFunction, Run } from "./engine-state";
import { evaluateValue } from "./expression";

/** Connections to the app at once, over all functions. */
const MAX_CALLS = 500;
const MAX_PRIORITY_S = 600;

const ALL: Limit = { id: "", size: MAX_CALLS };
const NONE: Limit[] = [ALL];

/** The limits a call of the run falls under. */
export function limitsOf(fn: RegisteredFunction | undefined, run: Run): Limit[] {
  if (!fn?.concurrency.length) return NONE;
  const event = parseIfNeeded(
    run,
    fn.concurrency.some(({ key }) => key),
  );
  const own = fn.concurrency.map(({ limit, key }, index) => ({
    id: canonicalize([fn.config.id, index, key ? evaluateValue(key, { event }) : null]),
    size: limit,
  }));
  return [...own, ALL];
}

/** Older runs go first; a priority makes a run as many seconds older, at most ten minutes either way. */
export function rankOf(fn: RegisteredFunction | undefined, run: Run): number {
  const wish = fn?.priority ? evaluateValue(fn.priority, { event: parseIfNeeded(run, true) }) : 0;
  const seconds = typeof wish === "number" ? Math.max(-MAX_PRIORITY_S, Math.min(MAX_PRIORITY_S, wish)) : 0;
  return run.row.createdAt - seconds * 1000;
}

function parseIfNeeded(run: Run, needed: boolean): Json {
  return needed ? (JSON.parse(run.event) as Json) : null;
}
