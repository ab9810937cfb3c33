// What to do after a call that gave no answer: ask again, let another model stand in, wait for longer, or give up.
// Pure, so that every case can be tried.
import type { ModelError } from "../models/port";

/** How often one model is tried for a turn before it counts as away, and the first pause, doubled each time. */
export const MAX_TRIES = 4;
const FIRST_WAIT_MS = 2_000;
/** Longer than this nobody waits while holding a worker (invariant 7), and another model may stand in. */
const LONGEST_WAIT_MS = 60_000;
/** How long a job is put aside when its model is away and does not say until when; doubled up to the longest. */
const FIRST_PAUSE_MS = 10 * 60_000;
const LONGEST_PAUSE_MS = 60 * 60_000;
/** Tries of all models for one turn after which a model that is no matter of quota has been away for about a day. */
const MAX_ALL_TRIES = 32;

export interface Tried {
  /** Calls of this model for this turn so far, this one included; from 1. */
  tries: number;
  /** Calls of all models for this turn. */
  allTries: number;
  /** Another model is configured and may be asked instead. */
  hasOther: boolean;
  /** The model that failed stands in for the first one already. */
  standsIn: boolean;
}

export type AfterFault =
  | { do: "again"; ms: number }
  | { do: "switch" }
  /** The job holds nothing for so long. `back`: then the first model is asked again. */
  | { do: "pause"; ms: number; back: boolean }
  | { do: "give_up"; code: "model_refused" | "model_unavailable" };

/** Chooses. Milliseconds are from now. */
export function afterFault(error: ModelError, tried: Tried): AfterFault {
  const { fault } = error;
  const wait = error.retryAfterMs ?? waitOf(error, tried.tries);
  if (!isAway(error, tried.tries, wait)) return { do: "again", ms: wait };
  if (tried.hasOther && !tried.standsIn) return { do: "switch" };
  if (!tried.standsIn && fault === "invalid") return { do: "give_up", code: "model_refused" };
  // A model whose answers cannot be read is not away: to wait mends nothing, and each try costs.
  if (!tried.standsIn && fault === "malformed") return { do: "give_up", code: "model_unavailable" };
  if (fault !== "quota" && tried.allTries >= MAX_ALL_TRIES)
    return { do: "give_up", code: fault === "invalid" ? "model_refused" : "model_unavailable" };
  return { do: "pause", ms: Math.max(wait, pauseOf(error, tried.tries)), back: tried.standsIn };
}

function isAway({ fault }: ModelError, tries: number, wait: number): boolean {
  if (fault === "invalid") return true;
  return wait > LONGEST_WAIT_MS || (fault !== "quota" && tries >= MAX_TRIES);
}

/** How long to wait when the provider does not say it: a quota does not come back within seconds. */
function waitOf({ fault }: ModelError, tries: number): number {
  if (fault === "quota" && tries >= MAX_TRIES) return FIRST_PAUSE_MS;
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (tries - 1));
}

/** Who says when it is back is believed. */
function pauseOf({ retryAfterMs, fault }: ModelError, tries: number): number {
  if (retryAfterMs !== null && retryAfterMs > LONGEST_WAIT_MS) return retryAfterMs;
  if (fault === "quota") return FIRST_PAUSE_MS;
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, Math.min(tries, 20) - MAX_TRIES));
}
