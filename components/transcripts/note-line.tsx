import type { ReactNode } from "react";
import { cx } from "@/components/ui/cx";
import { Icon } from "@/components/ui/icons";

/** One small line beside a transcript: what the factory did or met. */
export function NoteLine({ tone = "plain", children }: { tone?: "plain" | "warn"; children: ReactNode }) {
  return (
    <p className={cx("flex items-start gap-2 py-1 text-xs", tone === "warn" ? "text-warn" : "text-faint")}>
      <Icon name={tone === "warn" ? "warning" : "dot"} className="mt-px size-3.5" />
      <span className="min-w-0 wrap-anywhere">{children}</span>
    </p>
  );
}
