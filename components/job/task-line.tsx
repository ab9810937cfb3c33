import type { ReactNode } from "react";
import { cx } from "@/components/ui/cx";
import { Icon } from "@/components/ui/icons";

export interface TaskLook {
  done: boolean;
  current: boolean;
  fixes: number;
}

/** One line of a checklist: open, being done, or done, with how many fixes it took. */
export function TaskLine({
  look: { done, current, fixes },
  children,
}: {
  look: TaskLook;
  children: ReactNode;
}) {
  return (
    <div className="flex items-start gap-2 leading-6">
      <Icon
        name={done ? "ring" : current ? "arc" : "dashed"}
        className={cx("mt-1", done ? "text-good" : current ? "turning text-run" : "text-idle")}
      />
      <span className={cx("min-w-0 wrap-anywhere", done && "text-muted", current && "font-medium")}>
        <span className="sr-only">{done ? "Done: " : current ? "Being done: " : "Open: "}</span>
        {children}
      </span>
      {fixes > 0 && (
        <span className="shrink-0 text-xs leading-6 text-warn">
          {fixes} {fixes === 1 ? "fix" : "fixes"}
        </span>
      )}
    </div>
  );
}
