// The one table of how a worker's state looks.
import { cx } from "@/components/ui/cx";
import { Icon, type IconName } from "@/components/ui/icons";
import type { WorkerView } from "@/server/domain/outputs";

type WorkerState = WorkerView["status"];

const LOOK: Record<WorkerState, { label: string; icon: IconName; ink: string }> = {
  idle: { label: "Idle", icon: "ring", ink: "text-good" },
  busy: { label: "Busy", icon: "arc", ink: "text-run" },
  draining: { label: "Draining", icon: "ringPause", ink: "text-warn" },
  error: { label: "Error", icon: "ringBang", ink: "text-bad" },
  dead: { label: "Dead", icon: "ringMinus", ink: "text-idle" },
};

export function WorkerBadge({ state }: { state: WorkerState }) {
  const look = LOOK[state];
  return (
    <span className={cx("inline-flex items-center gap-1.5 font-medium whitespace-nowrap", look.ink)}>
      <Icon name={look.icon} className={state === "busy" ? "turning" : undefined} />
      {look.label}
    </span>
  );
}
