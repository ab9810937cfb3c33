/**
 * Applies one event: starts the runs it triggers, settles the waits and cancels the runs it matches.
 */
import type { Engine, EngineEvent, RegisteredFunction, Run } from "./engine-state";
import { evaluate } from "./expression";
import { finishRun, settleStep, startRun } from "./runs";

/** The functions an event triggers. */
function triggered(engine: Engine, event: EngineEvent): RegisteredFunction[] {
  const found: RegisteredFunction[] = [];
  for (const fn of engine.functions.values()) {
    const matches = fn.events.some(
      ({ name, expression }) =>
        name === event.name &&
        (!expression || evaluate(expression, { event: event.value, async: event.value })),
    );
    if (matches) found.push(fn);
  }
  return found;
}

/** Stores and applies an event. One synchronous change; acknowledge it after the commit. */
export function acceptEvent(engine: Engine, event: EngineEvent): void {
  // Looked up before runs start: an event does not cancel the run it triggers.
  const matched = engine.waits.match(event.name, event.value);
  engine.journal.putEvent(toRow(event));
  for (const fn of triggered(engine, event)) startRun(engine, fn, event);
  for (const work of matched) {
    const run: Run | undefined = engine.runs.get(work.runId);
    if (!run || run.work.get(work.key) !== work) continue;
    if (work.kind === "cancel") finishRun(engine, run, { status: "cancelled" });
    else settleStep(engine, run, work.key, event.body);
  }
}

/** Applies an event of the engine itself; one that nobody listens to is not even stored. */
export function emitInternal(engine: Engine, event: EngineEvent): void {
  const heard = engine.waits.has(event.name) || triggered(engine, event).length > 0;
  if (heard) acceptEvent(engine, event);
}

function toRow({ id, dedupe, name, body, receivedAt }: EngineEvent) {
  return { id, dedupe, name, body, receivedAt };
}
