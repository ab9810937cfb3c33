// The one table of how a job state looks. Every page draws states with this badge and with nothing else.
import { isSettled, type JobState } from "@/server/domain/job-state";
import { cx } from "./cx";
import { Icon, type IconName } from "./icons";

interface Look {
  label: string;
  icon: IconName;
  ink: string;
}

export const STATE_LOOK: Record<JobState, Look> = {
  draft: { label: "Draft", icon: "dashed", ink: "text-idle" },
  pending: { label: "Pending", icon: "clock", ink: "text-idle" },
  running: { label: "Running", icon: "arc", ink: "text-run" },
  validating: { label: "Validating", icon: "magnifier", ink: "text-check" },
  approved: { label: "Approved", icon: "flag", ink: "text-check" },
  rejected: { label: "Rejected", icon: "cross", ink: "text-warn" },
  correcting: { label: "Correcting", icon: "wrench", ink: "text-warn" },
  escalated: { label: "Escalated", icon: "ringBang", ink: "text-bad" },
  paused: { label: "Paused", icon: "ringPause", ink: "text-warn" },
  completed: { label: "Completed", icon: "ring", ink: "text-good" },
  failed: { label: "Failed", icon: "ringCross", ink: "text-bad" },
  cancelled: { label: "Cancelled", icon: "ringMinus", ink: "text-idle" },
};

/** Whether someone works on a job in this state, so that its page moves. */
export function isMoving(state: JobState): boolean {
  return state === "running" || state === "validating" || state === "approved" || state === "correcting";
}

/** Whether a job may still be stopped, paused or retried: what the header offers. */
export function offersOf(state: JobState): {
  stop: boolean;
  pause: boolean;
  resume: boolean;
  retry: boolean;
} {
  return {
    stop: !isSettled(state),
    pause: isMoving(state) || state === "pending",
    resume: state === "paused",
    retry: state === "failed" || state === "cancelled",
  };
}

/** Icon and name of a state. */
export function StateBadge({ state, iconOnly }: { state: JobState; iconOnly?: boolean }) {
  const look = STATE_LOOK[state];
  return (
    <span
      className={cx("inline-flex items-center gap-1.5 whitespace-nowrap font-medium", look.ink)}
      title={iconOnly ? look.label : undefined}
    >
      <Icon name={look.icon} className={state === "running" ? "turning" : undefined} />
      <span className={iconOnly ? "sr-only" : undefined}>{look.label}</span>
    </span>
  );
}
