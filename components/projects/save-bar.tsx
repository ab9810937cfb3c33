"use client";
import type { ReactNode } from "react";
import { Icon } from "@/components/ui/icons";

/** Stays in sight at the foot of a form: its buttons, and that something above is wrong. */
export function SaveBar({ hasFaults, children }: { hasFaults: boolean; children: ReactNode }) {
  return (
    <div className="sticky bottom-0 -mx-2 flex flex-wrap items-center gap-3 border-t hairline bg-ground px-2 py-3">
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
