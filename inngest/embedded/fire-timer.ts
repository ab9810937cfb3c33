/**
 * What happens when something is due. An entry that does not hold any more is passed over.
 */
import { canonicalize, canonicalObject } from "./canonical-json";
import { makeEvent } from "./engine-events";
import { clearWork, type Engine, type TimerItem } from "./engine-state";
import { reach } from "./fault-points";
import { armCron, cronId } from "./register-functions";
import { passDeadline, settleStep, startRun } from "./runs";

const INVOKE_TIMEOUT = canonicalObject({
  error: canonicalize({
    name: "InngestInvokeTimeoutError",
    message: "Timed out waiting for invoked function to complete",
  }),
});

/** Whether what a timer points at is still due at that time. */
export function timerHolds(engine: Engine, item: TimerItem, dueAt: number): boolean {
  if ("cron" in item) return engine.crons.get(cronId(item.functionId, item.cron)) === dueAt;
  return engine.runs.get(item.runId)?.work.get(item.key)?.dueAt === dueAt;
}

/** Carries out what was due at `dueAt`. */
export function fireTimer(engine: Engine, item: TimerItem, dueAt: number): void {
  if ("cron" in item) {
    fireCron(engine, item.functionId, item.cron, dueAt);
    return;
  }
  const run = engine.runs.get(item.runId);
  const work = run?.work.get(item.key);
  if (!run || !work || work.dueAt !== dueAt) return;
  reach("timer:fired");
  switch (work.kind) {
    case "call":
    case "plan":
      engine.journal.afterCommit(() => engine.dispatch(run, work.key));
      return;
    case "sleep":
    case "wait":
      settleStep(engine, run, work.key, "null");
      return;
    case "invoke":
      settleStep(engine, run, work.key, INVOKE_TIMEOUT);
      return;
    case "cancel":
      clearWork(engine, run, work.key);
      return;
    case "deadline":
      passDeadline(engine, run);
  }
}

function fireCron(engine: Engine, functionId: string, expression: string, dueAt: number): void {
  const fn = engine.functions.get(functionId);
  if (!fn || engine.crons.get(cronId(functionId, expression)) !== dueAt) return;
  const event = makeEvent("inngest/scheduled.timer", { cron: JSON.stringify(expression) }, engine.now());
  const { id, dedupe, name, body, receivedAt } = event;
  engine.journal.putEvent({ id, dedupe, name, body, receivedAt });
  startRun(engine, fn, event);
  armCron(engine, functionId, expression);
}
