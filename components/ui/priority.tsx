// How priorities are named and ordered on pages. The keys are checked against the domain at compile time.
import type { Priority } from "@/server/domain/priority";
import { cx } from "./cx";

export const PRIORITY_LABEL: Record<Priority, string> = {
  critical: "Critical",
  high: "High",
  medium: "Medium",
  low: "Low",
};

export const PRIORITY_ORDER = Object.keys(PRIORITY_LABEL) as Priority[];

const BARS: Record<Priority, number> = { critical: 4, high: 3, medium: 2, low: 1 };

/** Four small bars, as many filled as the priority is high, and its name. */
export function PriorityMark({ priority, iconOnly }: { priority: Priority; iconOnly?: boolean }) {
  return (
    <span
      className="inline-flex items-center gap-1.5 whitespace-nowrap"
      title={`${PRIORITY_LABEL[priority]} priority`}
    >
      <svg
        viewBox="0 0 16 12"
        aria-hidden="true"
        className={cx("h-3 w-4", priority === "critical" && "text-bad")}
      >
        {[1, 2, 3, 4].map((bar) => (
          <rect
            key={bar}
            x={(bar - 1) * 4}
            y={12 - bar * 3}
            width="2.6"
            height={bar * 3}
            rx="0.6"
            fill="currentColor"
            opacity={bar <= BARS[priority] ? 1 : 0.22}
          />
        ))}
      </svg>
      <span className={iconOnly ? "sr-only" : "text-muted"}>{PRIORITY_LABEL[priority]}</span>
    </span>
  );
}
