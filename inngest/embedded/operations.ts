/**
 * Applies the operations a function answers with: what each step asks for becomes work of the run.
 */
import { createHash } from "node:crypto";
import { canonicalize, canonicalObject, type Json } from "./canonical-json";
import { parseMoment } from "./duration";
import { makeEvent } from "./engine-events";
import { type Engine, makeWork, putWork, type Run } from "./engine-state";
import { excessOf, fillCondition, recordStep, settleStep, startRun } from "./runs";

/** One operation as the SDK sends it. */
export interface Operation {
  op: string;
  id: string;
  name?: string;
  displayName?: string;
  data?: unknown;
  error?: unknown;
  opts?: {
    timeout?: string;
    if?: string;
    function_id?: string;
    payload?: { data?: Record<string, unknown>; v?: string };
    parallelMode?: string;
  };
}

/** The id under which the SDK reports the function itself. */
export const FUNCTION_STEP_ID = createHash("sha1").update("complete").digest("hex");

/** The real server's limit, so that a function that works here works there. */
const MAX_STEP_BYTES = 4 * 1024 * 1024;

/** Something a function asked for that cannot be done; the run fails with it. */
export class OperationError extends Error {}

/** Checks that an answer's body is a list of operations. */
export function readOperations(body: unknown): Operation[] {
  if (!Array.isArray(body)) throw new OperationError("The answer is not a list of operations.");
  for (const item of body as Partial<Operation>[]) {
    if (typeof item?.op !== "string" || typeof item.id !== "string" || !item.id) {
      throw new OperationError("The answer holds something that is not an operation.");
    }
  }
  return body as Operation[];
}

/** Whether a step has settled or is pending already: the SDK names such steps again. */
export function isKnown(run: Run, id: string): boolean {
  return run.work.has(id) || Boolean(run.steps?.has(id));
}

/** The text of a result under the limit of one step. */
function limited(operation: Operation, text: string): string {
  if (Buffer.byteLength(text) <= MAX_STEP_BYTES) return text;
  throw new OperationError(`The result of step "${label(operation)}" is larger than 4 MB.`);
}

function label(operation: Operation): string {
  return operation.displayName ?? operation.name ?? operation.id;
}

/** An error as the SDK reads it back. */
export function errorText(error: unknown, fallback = "The step failed."): string {
  if (typeof error === "object" && error !== null && !Array.isArray(error)) return canonicalize(error);
  return canonicalize({ name: "Error", message: typeof error === "string" ? error : fallback });
}

/** Records the result of a step that ran, whether it was planned or ran at once. Throws OperationError. */
export function recordRan(engine: Engine, run: Run, operation: Operation): void {
  const failed = operation.op === "StepFailed" || operation.op === "StepError";
  const result = failed
    ? canonicalObject({ error: errorText(operation.error ?? operation.data) })
    : canonicalObject({ data: canonicalize(operation.data ?? null) });
  const text = limited(operation, result);
  if (run.work.has(operation.id)) settleStep(engine, run, operation.id, text);
  else recordStep(engine, run, operation.id, label(operation), text);
  const excess = excessOf(run);
  if (excess) throw new OperationError(excess);
}

/** Makes a step pending: a planned run of it, a sleep, a wait or an invoke. Throws OperationError. */
export function planStep(engine: Engine, run: Run, operation: Operation): void {
  const now = engine.now();
  const race = operation.opts?.parallelMode === "race";
  const base = { name: label(operation), race };
  const dueAt = (text: string | undefined): number => {
    const moment = parseMoment(text ?? "", now);
    if (moment === undefined)
      throw new OperationError(`The time "${text}" of step "${base.name}" cannot be read.`);
    return moment;
  };
  switch (operation.op) {
    case "StepPlanned":
      putWork(engine, run, makeWork(run, operation.id, "plan", { ...base, dueAt: now }));
      return;
    case "Sleep":
      putWork(engine, run, makeWork(run, operation.id, "sleep", { ...base, dueAt: dueAt(operation.name) }));
      return;
    case "WaitForEvent":
      putWork(
        engine,
        run,
        makeWork(run, operation.id, "wait", {
          ...base,
          dueAt: dueAt(operation.opts?.timeout),
          eventName: operation.name ?? "",
          condition: readCondition(run, operation),
        }),
      );
      return;
    case "InvokeFunction":
      invoke(engine, run, operation, race, operation.opts?.timeout ? dueAt(operation.opts.timeout) : null);
      return;
    default:
      throw new OperationError(`The operation "${operation.op}" is not supported by the embedded engine.`);
  }
}

function readCondition(run: Run, operation: Operation): string | null {
  try {
    return fillCondition(operation.opts?.if, JSON.parse(run.event) as Json);
  } catch (error) {
    throw new OperationError(error instanceof Error ? error.message : String(error));
  }
}

function invoke(engine: Engine, run: Run, operation: Operation, race: boolean, dueAt: number | null): void {
  const functionId = operation.opts?.function_id ?? "";
  const fn = engine.functions.get(functionId);
  putWork(engine, run, makeWork(run, operation.id, "invoke", { name: label(operation), race, dueAt }));
  if (!fn) {
    const error = { name: "InngestInvokeError", message: `could not find function with ID: ${functionId}` };
    settleStep(engine, run, operation.id, canonicalize({ error }));
    return;
  }
  const data = Object.entries(operation.opts?.payload?.data ?? {}).map(([key, value]) => [
    key,
    canonicalize(value),
  ]);
  const event = makeEvent(
    "inngest/function.invoked",
    {
      ...(Object.fromEntries(data) as Record<string, string>),
      _inngest: canonicalize({ fn_id: functionId, correlation_id: `${run.row.id}.${operation.id}` }),
    },
    engine.now(),
  );
  const { id, dedupe, name, body, receivedAt } = event;
  engine.journal.putEvent({ id, dedupe, name, body, receivedAt });
  if (startRun(engine, fn, event, { runId: run.row.id, stepId: operation.id })) return;
  const error = { name: "Error", message: "invoked function is rate limited" };
  settleStep(engine, run, operation.id, canonicalize({ error }));
}
