// The lanes of the queue. A job waits in the lane of the work that comes next, and each lane may have its own limit.
import { JOB_KINDS, type JobKind } from "./job-kind";
import { JOB_STATES, type JobState } from "./job-state";

export const LANES = ["owners", "validation", "debugging", "test"] as const;
export type Lane = (typeof LANES)[number];

/** The lane in which a job of this kind and state waits and works. */
export function laneOf(kind: JobKind, state: JobState): Lane {
  if (kind === "correction") return "debugging";
  if (kind === "candidate" && state === "validating") return "test";
  return state === "validating" || state === "approved" ? "validation" : "owners";
}

/** {@link laneOf} as data, kind → state → lane, for statements that learn the state only in the database. */
export const LANE_TABLE: Record<JobKind, Record<JobState, Lane>> = Object.fromEntries(
  JOB_KINDS.map((kind) => [
    kind,
    Object.fromEntries(JOB_STATES.map((state) => [state, laneOf(kind, state)])),
  ]),
) as Record<JobKind, Record<JobState, Lane>>;

/**
 * Reads limits such as "validation=2,test=1".
 * @returns the limit of each lane that has one, or null when the text names no lane or no whole number
 */
export function parseLaneLimits(text: string): Partial<Record<Lane, number>> | null {
  const limits: Partial<Record<Lane, number>> = {};
  for (const part of text.split(",").filter((piece) => piece.trim() !== "")) {
    const [name = "", value = "", ...rest] = part.split("=").map((piece) => piece.trim());
    const lane = LANES.find((one) => one === name);
    if (!lane || rest.length > 0 || !/^[1-9]\d{0,5}$/.test(value)) return null;
    limits[lane] = Number(value);
  }
  return limits;
}
