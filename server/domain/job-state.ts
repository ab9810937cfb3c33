// The one list of job states and of every way between them. The table fails to compile when a state has no row.
// State says how far a job is; who executes it is the lease's affair and appears nowhere here.

export const JOB_STATES = [
  "draft",
  "pending",
  "running",
  "validating",
  "approved",
  "rejected",
  "correcting",
  "escalated",
  "paused",
  "completed",
  "failed",
  "cancelled",
] as const;
export type JobState = (typeof JOB_STATES)[number];

export const SETTLED: readonly JobState[] = ["completed", "failed", "cancelled"];

/** Whether nothing more happens to a job by itself. */
export function isSettled(state: JobState): boolean {
  return SETTLED.includes(state);
}

/** `"resume"`: the state stored when the job was paused. */
type Target = JobState | "resume";

/** Every event that moves a job: from which states, to which. */
export const TRANSITIONS = {
  queue: { from: ["draft"], to: "pending" },
  first_claim: { from: ["pending"], to: "running" },
  loop_green: { from: ["running"], to: "validating" },
  passed: { from: ["validating"], to: "approved" },
  rejected: { from: ["validating", "approved"], to: "rejected" },
  correct: { from: ["rejected"], to: "correcting" },
  exhausted: { from: ["rejected"], to: "escalated" },
  correction_completed: { from: ["correcting"], to: "validating" },
  correction_failed: { from: ["correcting"], to: "rejected" },
  candidate_done: { from: ["validating"], to: "completed" },
  correction_done: { from: ["running"], to: "completed" },
  children_done: { from: ["running"], to: "completed" },
  delivered: { from: ["approved"], to: "completed" },
  delivery_refused: { from: ["approved"], to: "escalated" },
  gave_up: { from: ["running", "validating", "approved"], to: "failed" },
  stuck: { from: ["running"], to: "escalated" },
  pause: { from: ["pending", "running", "validating", "correcting", "approved"], to: "paused" },
  resume: { from: ["paused"], to: "resume" },
  retry_with_advice: { from: ["escalated"], to: "pending" },
  approve_with_reason: { from: ["escalated"], to: "approved" },
  abandon: { from: ["escalated"], to: "cancelled" },
  retry: { from: ["failed", "cancelled"], to: "pending" },
  cancel: {
    from: [
      "draft",
      "pending",
      "running",
      "validating",
      "approved",
      "rejected",
      "correcting",
      "escalated",
      "paused",
    ],
    to: "cancelled",
  },
} as const satisfies Record<string, { from: readonly JobState[]; to: Target }>;

export type JobMove = keyof typeof TRANSITIONS;

/** States in which a worker may hold the lease, hence in which an unleased job is claimable. */
export const EXECUTING = {
  draft: false,
  pending: true,
  running: true,
  validating: true,
  approved: true,
  rejected: false,
  correcting: false,
  escalated: false,
  paused: false,
  completed: false,
  failed: false,
  cancelled: false,
} as const satisfies Record<JobState, boolean>;

/** Moves after which the job starts again from the beginning: run + 1. */
export const NEW_RUN: readonly JobMove[] = ["retry", "retry_with_advice"];

/**
 * Where a move leads.
 * @param resumeState state stored by `pause`; needed for `resume` only
 * @returns the new state, or null when the move is not allowed from `from`
 */
export function nextState(from: JobState, move: JobMove, resumeState: JobState | null): JobState | null {
  const transition: { from: readonly JobState[]; to: Target } = TRANSITIONS[move];
  if (!transition.from.includes(from)) return null;
  return transition.to === "resume" ? resumeState : transition.to;
}
