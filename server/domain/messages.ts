// What holds for a person's words to a job. Apart from the inputs, because pages need it and no schema library with it.
import { isSettled, type JobState } from "./job-state";

/** Longest message, in characters. */
export const MESSAGE_LENGTH = 10_000;

/** Whether an agent of this run may still ask, so that a message would be read. */
export const takesMessages = (state: JobState): boolean =>
  !isSettled(state) && state !== "draft" && state !== "escalated";

/**
 * Whether an external agent may still ask: not once it has handed its work over.
 * @param resume the state that a paused job goes on in
 */
export function externalHears(state: JobState, resume: JobState | null): boolean {
  const at = state === "paused" ? resume : state;
  return at === null || at === "pending" || at === "running";
}
