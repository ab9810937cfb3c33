// The workers of this process that wait for a job. What becomes claimable wakes one of them and not all: whoever leaves
// the line, with a job or without, lets the next one look. Nobody therefore looks in vain a hundred times for one job,
// and no wake-up is lost with the one who had it.
import { listener } from "../../events/listen";
import { waitFor } from "../../events/wait-for";
import { processWide } from "../../process-wide";
import { CLAIMABLE_CHANNEL } from "./announce-claimable";

/** A worker that may hold no job now lets the others go first for so long, in milliseconds. */
const ASIDE_MS = 1_000;

/** What a look at the queue gave: a job, nothing to claim, or a worker that may not hold one (drained, dead, busy). */
export type Look<T> = { job: T } | "nothing" | "unfit";

export interface Wait {
  /** How long at most, in milliseconds. */
  waitMs: number;
  signal: AbortSignal;
  /** What the worker can take: those who can take the same wait in one line, and each line is woken. */
  offers: readonly string[];
}

/** The lines in which the wake-up that is being told about just now has found its worker. */
const given = new Set<string>();

function take(line: string): boolean {
  if (given.has(line)) return false;
  // Subscribers are told one after the other without a pause: the next turn belongs to the next wake-up.
  if (given.size === 0) queueMicrotask(() => given.clear());
  given.add(line);
  return true;
}

const wakeNext = () => void listener().tell(CLAIMABLE_CHANNEL, "");

/** How many wait. */
const here = processWide("claim-line", () => ({ waiting: 0 }));

/** Whether somebody would look at once at what becomes claimable. */
export const somebodyWaits = () => here.waiting > 0;

/**
 * Lets the first one look at what is on its way to the database: if its look goes behind that, it has the job sooner. If not,
 * nothing is lost: what has become claimable is announced as ever.
 */
export const lookAhead = wakeNext;

/**
 * Looks at once, and again when it is this worker's turn to look at something new.
 * @returns the job, or null when time is over or the signal was aborted
 */
export async function waitInLine<T>(
  look: () => Promise<Look<T>>,
  { waitMs, signal, offers }: Wait,
): Promise<T | null> {
  const line = JSON.stringify(offers);
  let asideUntil = 0;
  const attempt = async () => {
    const found = signal.aborted ? "nothing" : await look();
    if (found === "nothing") return null;
    if (found !== "unfit") return found.job;
    asideUntil = Date.now() + ASIDE_MS;
    wakeNext();
    return null;
  };
  here.waiting++;
  try {
    return await waitFor(CLAIMABLE_CHANNEL, attempt, {
      waitMs,
      signal,
      wants: () => Date.now() >= asideUntil && take(line),
    });
  } finally {
    here.waiting--;
    wakeNext();
  }
}
