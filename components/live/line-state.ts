"use client";
// The state of every open line of this tab; the dot in the rail shows the worst of them.
import { useSyncExternalStore } from "react";
import type { LineState } from "./connect";

const BADNESS: Record<LineState, number> = { live: 0, connecting: 1, reconnecting: 2, stale: 3 };
const states = new Map<string, LineState>();
const listeners = new Set<() => void>();

function tell(): void {
  for (const listener of listeners) listener();
}

/** Records the state of the line called `name`; null forgets it. */
export function setLineState(name: string, state: LineState | null): void {
  if (state) states.set(name, state);
  else states.delete(name);
  tell();
}

function worst(): LineState {
  let found: LineState = states.size === 0 ? "connecting" : "live";
  for (const state of states.values()) if (BADNESS[state] > BADNESS[found]) found = state;
  return found;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The worst state among the open lines. */
export function useLineState(): LineState {
  return useSyncExternalStore(subscribe, worst, () => "connecting");
}
