import { JOB_STATES, type JobState } from "@/server/domain/job-state";

/** The state called `name`, or null when there is none. */
export function readJobState(name: string | null): JobState | null {
  return JOB_STATES.find((state) => state === name) ?? null;
}
