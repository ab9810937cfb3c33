// How an engine function drives one step body to its value: run it; while it says that it cannot yet, wait for the
// event or the time that it named and run it again. The row is the truth, the event a wake-up.
import type { GetStepTools } from "inngest";
import type { Db } from "@/server/db";
import type { StepOutcome } from "@/server/domain/step-outcome";
import { stepBody } from "@/server/loop/step-body";
import type { RunRef } from "@/server/services/jobs/active-job";
import type { inngest } from "./client";

/** The engine's tools in a function. */
export type Step = GetStepTools<typeof inngest>;

/** How long an event is waited for before the row is looked at again. */
const COMMAND_WAITS = ["5s", "15s", "60s", "5m", "15m"] as const;
const PAUSE_WAITS = ["5s", "30s", "2m", "15m", "1h", "6h", "1d"] as const;

const at = <T>(list: readonly T[], index: number): T => list[Math.min(index, list.length - 1)] as T;

/** Looking again twice as late each time soon takes few steps; nobody who holds a worker waits longer than this. */
const SHORTEST_MS = 250;
const LONGEST_MS = 60_000;

/**
 * How long a step that asked to be looked at later is left alone, in milliseconds: a run may have 1,000 engine steps, and
 * what is waited for, such as money that a lost call holds, may take ten minutes.
 * @param round how often it was looked at before
 */
export function laterMs(ms: number, round: number): number {
  return Math.max(ms, Math.min(LONGEST_MS, SHORTEST_MS * 2 ** Math.min(round, 20)));
}

/** What a step does. */
export type Work<T> = (db: Db) => Promise<T>;

/**
 * Drives one step.
 * @param id frozen name of the engine step
 * @returns the body's value, or null when this run of the job is over and the function must leave
 */
export async function drive<T extends object>(
  step: Step,
  id: string,
  ref: RunRef,
  body: Work<T>,
): Promise<T | null> {
  // Also who only sleeps is woken up when the job goes on, or has been silent: many accidents in one step make its sleep long.
  const goesOn = (wait: string, timeout: string | number) =>
    step.waitForEvent(wait, { event: "job/resumed", timeout, if: `async.data.job == "${ref.job}"` });
  for (let round = 0; ; round++) {
    const name = round === 0 ? id : `${id}:${round + 1}`;
    // The SDK types a result as it looks after JSON; an outcome is plain JSON, so it is what it was.
    const outcome = (await step.run(name, () => stepBody(ref, body))) as StepOutcome<T>;
    switch (outcome.s) {
      case "done":
        return outcome.v;
      case "ended":
        return null;
      case "later":
        await goesOn(`${name}:later`, laterMs(outcome.ms, round));
        break;
      case "paused":
        await goesOn(`${name}:resumed`, at(PAUSE_WAITS, round));
        break;
      case "command":
        await step.waitForEvent(`${name}:finished`, {
          event: "command/finished",
          timeout: at(COMMAND_WAITS, round),
          if: `async.data.command == "${outcome.command}"`,
        });
        break;
    }
  }
}
