"use client";
// Short messages in the corner: a change that failed, or one that can be undone. Outside React, so anyone may call.
import { useSyncExternalStore } from "react";
import { IconButton } from "./button";
import { cx } from "./cx";
import { Icon } from "./icons";

interface Notice {
  tone: "good" | "bad";
  text: string;
  /** Request id to report. */
  id?: string | null;
  undo?: () => void;
}

const SHOWN_MS = 8000;
let notices: (Notice & { key: number })[] = [];
let nextKey = 1;
const listeners = new Set<() => void>();
const NONE: typeof notices = [];

function change(next: typeof notices): void {
  notices = next;
  for (const listener of listeners) listener();
}

function dismiss(key: number): void {
  change(notices.filter((notice) => notice.key !== key));
}

/** Shows a message for some seconds; a failure stays until it is closed. */
export function showNotice(notice: Notice): void {
  const key = nextKey++;
  change([...notices.slice(-3), { ...notice, key }]);
  if (notice.tone === "good") setTimeout(() => dismiss(key), SHOWN_MS);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function Notices() {
  const shown = useSyncExternalStore(
    subscribe,
    () => notices,
    () => NONE,
  );
  return (
    <div
      role="status"
      aria-live="polite"
      className="pointer-events-none fixed right-4 bottom-4 left-4 z-50 flex flex-col items-end gap-2"
    >
      {shown.map((notice) => (
        <div
          key={notice.key}
          className="pointer-events-auto flex max-w-md items-start gap-2 rounded-lg border hairline bg-raised py-1 pr-1 pl-3 shadow-lg"
        >
          <Icon
            name={notice.tone === "bad" ? "warning" : "check"}
            className={cx("mt-2.5", notice.tone === "bad" ? "text-bad" : "text-good")}
          />
          <div className="py-2">
            {notice.text}
            {notice.id && <div className="text-xs text-faint">Request {notice.id}</div>}
          </div>
          {notice.undo && (
            <button
              type="button"
              className="h-9 px-2 font-medium text-accent"
              onClick={() => {
                notice.undo?.();
                dismiss(notice.key);
              }}
            >
              Undo
            </button>
          )}
          <IconButton icon="close" label="Close" onClick={() => dismiss(notice.key)} />
        </div>
      ))}
    </div>
  );
}
