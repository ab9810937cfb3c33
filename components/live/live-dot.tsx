"use client";
import { cx } from "@/components/ui/cx";
import type { LineState } from "./connect";
import { useLineState } from "./line-state";

const LOOK: Record<LineState, { label: string; tone: string; help: string }> = {
  live: { label: "Live", tone: "text-good", help: "Changes show here as they happen." },
  connecting: { label: "Connecting", tone: "text-idle", help: "The live connection is being opened." },
  reconnecting: {
    label: "Reconnecting",
    tone: "text-warn",
    help: "The live connection was cut and is being opened again.",
  },
  stale: { label: "Stale", tone: "text-bad", help: "There is no live connection. What you see may be old." },
};

/** Says whether what is on the page is live. */
export function LiveDot() {
  const look = LOOK[useLineState()];
  return (
    <span role="status" className="inline-flex items-center gap-2 text-xs text-muted" title={look.help}>
      <svg viewBox="0 0 8 8" aria-hidden="true" className={cx("size-2", look.tone)}>
        <circle cx="4" cy="4" r="4" fill="currentColor" />
      </svg>
      {look.label}
    </span>
  );
}
