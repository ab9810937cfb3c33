/**
 * Starts, advances and finishes runs. Every function here is one synchronous change of state.
 */
import { canonicalize, canonicalObject, type Json } from "./canonical-json";
import { makeEvent } from "./engine-events";
import {
  clearWork,
  DISCOVERY,
  type Engine,
  type EngineEvent,
  hasPending,
  makeWork,
  putWork,
  type RegisteredFunction,
  type Run,
} from "./engine-state";
import { fillIn } from "./expression";
import { claimOnce } from "./idempotency";
import { parseExpression } from "./parse-expression";
import { createUlid } from "./ulid";

/** Which step of which run invoked a run. */
export interface Parent {
  runId: string;
  stepId: string;
}

/**
 * Starts a run of a function for an event that is being stored.
 * @returns undefined when the function's idempotency key has started a run before
 */
export function startRun(
  engine: Engine,
  fn: RegisteredFunction,
  event: EngineEvent,
  parent?: Parent,
): Run | undefined {
  if (!claimOnce(engine, fn, event)) return undefined;
  const now = engine.now();
  const run: Run = {
    row: {
      id: createUlid(now),
      functionId: fn.config.id,
      eventId: event.id,
      status: "running",
      output: null,
      parentRun: parent?.runId ?? null,
      parentStep: parent?.stepId ?? null,
      createdAt: now,
      endedAt: null,
    },
    event: event.body,
    work: new Map(),
    stepCount: 0,
    resultBytes: 0,
    steps: new Map(),
    arriving: undefined,
    inflight: new Map(),
    queued: new Set(),
    overdue: false,
    rediscover: false,
    requestVersion: -1,
    unreachable: 0,
  };
  engine.runs.set(run.row.id, run);
  engine.journal.putRun(run.row);
  for (const [index, rule] of fn.config.cancel.entries()) {
    putWork(
      engine,
      run,
      makeWork(run, `cancel:${index}`, "cancel", {
        eventName: rule.event,
        condition: fillCondition(rule.expression, event.value),
        dueAt: rule.windowMs === null ? null : now + rule.windowMs,
      }),
    );
  }
  const { startTimeoutMs } = fn.config;
  if (startTimeoutMs) putWork(engine, run, makeWork(run, START, "deadline", { dueAt: now + startTimeoutMs }));
  putWork(engine, run, makeWork(run, DISCOVERY, "call", { dueAt: now }));
  return run;
}

const START = "deadline:start";
const FINISH = "deadline:finish";

/** Its first call begins: it waits in the queue no longer, and from now on its finish timeout runs. */
export function markStarted(engine: Engine, run: Run): void {
  clearWork(engine, run, START);
  const finishTimeoutMs = engine.functions.get(run.row.functionId)?.config.finishTimeoutMs;
  if (!finishTimeoutMs || run.work.has(FINISH)) return;
  putWork(engine, run, makeWork(run, FINISH, "deadline", { dueAt: engine.now() + finishTimeoutMs }));
}

/** A deadline has passed. As on the real server a call that began before it may still finish the run. */
export function passDeadline(engine: Engine, run: Run): void {
  run.overdue = true;
  endIfOverdue(engine, run);
}

/** Ends a run whose deadline has passed, unless a call is under way. */
export function endIfOverdue(engine: Engine, run: Run): void {
  if (run.overdue && !run.inflight.size) finishRun(engine, run, { status: "cancelled" });
}

/** Limits of the real server, so that a function that works here works there. */
const MAX_STEPS = 1000;
const MAX_RESULT_BYTES = 32 * 1024 * 1024;

/** What a run has too much of, as a message; undefined while it is within its limits. */
export function excessOf(run: Run): string | undefined {
  if (run.stepCount > MAX_STEPS) return `The function has more than ${MAX_STEPS} steps.`;
  if (run.resultBytes > MAX_RESULT_BYTES)
    return "The results of the function's steps are larger than 32 MB together.";
  return undefined;
}

/** An expression with the triggering event filled in, as JSON. Throws ExpressionError. */
export function fillCondition(expression: string | null | undefined, event: Json): string | null {
  return expression ? JSON.stringify(fillIn(parseExpression(expression), { event })) : null;
}

/** Records a step's result once; a second one for the same step is ignored. */
export function recordStep(engine: Engine, run: Run, id: string, name: string | null, result: string): void {
  if (run.steps?.has(id) || run.arriving?.some(([known]) => known === id)) return;
  run.resultBytes += Buffer.byteLength(result);
  run.steps?.set(id, result);
  run.arriving?.push([id, result]);
  engine.journal.addStep({
    runId: run.row.id,
    id,
    seq: run.stepCount++,
    name: name?.replace(/[\u0000-\u001f]/g, " ").slice(0, 256) ?? null,
    result,
    recordedAt: engine.now(),
  });
}

/** Settles a pending step and lets the function go on. Nothing happens when it is not pending any more. */
export function settleStep(engine: Engine, run: Run, key: string, result: string): void {
  const work = run.work.get(key);
  if (!work || run.row.status !== "running") return;
  clearWork(engine, run, key);
  recordStep(engine, run, key, work.name, result);
  const excess = excessOf(run);
  if (excess)
    finishRun(engine, run, { status: "failed", error: canonicalize({ name: "Error", message: excess }) });
  else discover(engine, run, work.race);
}

/**
 * Asks the function what comes next, unless steps are still pending: the SDK's version 2 is told once all
 * parallel steps have settled, except those it marked as a race.
 */
export function discover(engine: Engine, run: Run, race: boolean): void {
  const coalesce = run.requestVersion !== 1 && !race;
  if (coalesce && hasPending(run, true)) return;
  if (run.inflight.has(DISCOVERY)) {
    run.rediscover = true;
    return;
  }
  const known = run.work.get(DISCOVERY);
  const now = engine.now();
  if (known && known.attempt === 0 && known.dueAt !== null && known.dueAt <= now) {
    engine.journal.afterCommit(() => engine.dispatch(run, DISCOVERY));
    return;
  }
  putWork(engine, run, makeWork(run, DISCOVERY, "call", { dueAt: now }));
}

/** How a run ends. */
export type Ending =
  | { status: "completed"; output: string }
  | { status: "failed"; error: string }
  | { status: "cancelled" };

/** Ends a run: its work goes, its parent's step settles, the internal events are said. */
export function finishRun(engine: Engine, run: Run, ending: Ending): void {
  if (run.row.status !== "running") return;
  for (const key of [...run.work.keys()]) clearWork(engine, run, key);
  run.row = {
    ...run.row,
    status: ending.status,
    output: ending.status === "completed" ? ending.output : ending.status === "failed" ? ending.error : null,
    endedAt: engine.now(),
  };
  engine.journal.putRun(run.row);
  engine.runs.delete(run.row.id);
  for (const call of run.inflight.values()) call.abort();
  run.inflight.clear();

  const data = {
    function_id: JSON.stringify(run.row.functionId),
    run_id: JSON.stringify(run.row.id),
    event: run.event,
    events: `[${run.event}]`,
    result: ending.status === "completed" ? ending.output : undefined,
    error: ending.status === "failed" ? ending.error : undefined,
    correlation_id: run.row.parentRun
      ? JSON.stringify(`${run.row.parentRun}.${run.row.parentStep}`)
      : undefined,
    _inngest: canonicalize({ status: ending.status[0]!.toUpperCase() + ending.status.slice(1) }),
  };
  const finished = makeEvent("inngest/function.finished", data, engine.now());
  settleParent(engine, run, ending, finished);
  engine.emit(finished);
  if (ending.status === "failed") engine.emit(makeEvent("inngest/function.failed", data, engine.now()));
  if (ending.status === "cancelled") engine.emit(makeEvent("inngest/function.cancelled", data, engine.now()));
}

/** As on the real server a cancelled child has neither result nor error: its parent gets the bare event. */
function settleParent(engine: Engine, run: Run, ending: Ending, finished: EngineEvent): void {
  const parent = run.row.parentRun ? engine.runs.get(run.row.parentRun) : undefined;
  if (!parent || !run.row.parentStep) return;
  const result =
    ending.status === "completed"
      ? canonicalObject({ data: ending.output })
      : ending.status === "failed"
        ? canonicalObject({ error: ending.error })
        : finished.body;
  settleStep(engine, parent, run.row.parentStep, result);
}
