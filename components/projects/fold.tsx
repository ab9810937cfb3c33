"use client";
import type { ReactNode } from "react";
import { FoldMark } from "@/components/ui/fold-mark";

/** Part of a form that most people need not open; opens by itself when a fault is inside. */
export function Fold({
  title,
  hint,
  open,
  children,
}: {
  title: string;
  hint: string;
  open: boolean;
  children: ReactNode;
}) {
  return (
    <details open={open || undefined} className="group border-t hairline">
      <summary className="flex min-h-11 items-center gap-2 py-1 font-medium">
        <FoldMark />
        <span>
          {title} <span className="ml-1 text-xs font-normal text-faint">{hint}</span>
        </span>
      </summary>
      <div className="pt-1 pb-6">{children}</div>
    </details>
  );
}
