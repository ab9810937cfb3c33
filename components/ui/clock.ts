"use client";
// One ticking clock for a whole page, so that a hundred relative times cost one timer.
import { useSyncExternalStore } from "react";

const TICK_MS = 1000;
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let now = Date.now();

function tick(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (!timer) {
    now = Date.now();
    timer = setInterval(tick, TICK_MS);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** A value derived from the clock; the component renders again only when the value differs. */
export function useClockText(read: (now: number) => string): string {
  return useSyncExternalStore(
    subscribe,
    () => read(now),
    () => read(now),
  );
}
