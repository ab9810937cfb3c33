/**
 * Lets a function with an idempotency key start once per value in 24 hours, also over a restart.
 */
import { createHash } from "node:crypto";
import { canonicalize } from "./canonical-json";
import type { Engine, EngineEvent, RegisteredFunction } from "./engine-state";
import { evaluateValue } from "./expression";

const WINDOW_MS = 24 * 60 * 60 * 1000;

/** Whether the event may start a run of the function; if so, later events with the same key may not. */
export function claimOnce(engine: Engine, fn: RegisteredFunction, event: EngineEvent): boolean {
  if (!fn.idempotency) return true;
  const value = canonicalize([fn.config.id, evaluateValue(fn.idempotency, { event: event.value })]);
  const key = createHash("sha256").update(value).digest("base64url");
  const now = engine.now();
  if ((engine.once.get(key) ?? 0) > now) return false;
  engine.once.set(key, now + WINDOW_MS);
  engine.journal.putOnce({ key, expiresAt: now + WINDOW_MS });
  return true;
}
