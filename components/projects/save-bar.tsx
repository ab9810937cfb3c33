"use client";
import type { ReactNode } from "react";
import { cx } from "@/components/ui/cx";
import { Icon } from "@/components/ui/icons";

/** Stays in sight at the foot of a form: its buttons, and that something above is wrong. */
export function SaveBar({
  hasFaults,
  hidden,
  children,
}: {
  hasFaults: boolean;
  /** Keeps its room, so that nothing moves when it comes. */
  hidden?: boolean;
  children: ReactNode;
}) {
  return (
    <div
      className={cx(
        "sticky bottom-0 -mx-2 flex flex-wrap items-center gap-3 border-t hairline bg-ground px-2 py-3",
        hidden && "invisible",
      )}
    >
      {children}
      {hasFaults && (
        <span role="alert" className="inline-flex items-center gap-1.5 text-bad">
          <Icon name="warning" />
          Something above needs a change.
        </span>
      )}
    </div>
  );
}
