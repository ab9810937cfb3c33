/**
 * Records steps that a call reports while it goes on. Only the current call of a run may report; an older one
 * (the run was called again, cancelled or finished) is told to stop.
 */
import { canonicalize, JsonDepthError } from "./canonical-json";
import type { Engine } from "./engine-state";
import { OperationError, readOperations, recordRan } from "./operations";
import { finishRun } from "./runs";

/** The part of a checkpoint body the engine reads. */
export interface CheckpointBody {
  qi_id?: string;
  request_id?: string;
  steps?: unknown;
}

/** Applies a checkpoint; "stale" means nothing was recorded. Throws OperationError. Answer after the commit. */
export function applyCheckpoint(engine: Engine, runId: string, body: CheckpointBody): "recorded" | "stale" {
  const run = engine.runs.get(runId);
  const key = body.qi_id?.startsWith(`${runId}:`) ? body.qi_id.slice(runId.length + 1) : "";
  const call = run?.inflight.get(key);
  if (!run || !call || call.requestId !== body.request_id) return "stale";
  const operations = readOperations(body.steps);
  for (const { op } of operations) {
    if (op !== "StepRun" && op !== "Step") throw new OperationError(`A checkpoint cannot hold "${op}".`);
  }
  try {
    for (const operation of operations) recordRan(engine, run, operation);
  } catch (error) {
    if (!(error instanceof OperationError || error instanceof JsonDepthError)) throw error;
    finishRun(engine, run, {
      status: "failed",
      error: canonicalize({ name: "Error", message: error.message }),
    });
    return "stale";
  }
  return "recorded";
}
