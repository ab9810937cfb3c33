/**
 * Decides what an answer of the SDK means for a run: go on, try again, finish. One synchronous change each.
 */
import { backoffMs, retryAfterMs, unreachableMs } from "./backoff";
import { canonicalize, JsonDepthError } from "./canonical-json";
import { clearWork, DISCOVERY, type Engine, hasPending, putWork, type Run } from "./engine-state";
import {
  errorText,
  FUNCTION_STEP_ID,
  isKnown,
  type Operation,
  OperationError,
  planStep,
  readOperations,
  recordRan,
} from "./operations";
import { discover, finishRun } from "./runs";

/** What came of a call. */
export type Answer =
  | { kind: "answered"; status: number; headers: Record<string, string | undefined>; body: string }
  /** Nothing listened: the function was not touched. */
  | { kind: "unreachable"; message: string }
  /** The connection broke or the answer is not trusted: the function may have run. */
  | { kind: "lost"; message: string };

const LOST_LIMIT_MS = 1000;

/** Applies an answer to the run's call. `key` is the discovery call or a planned step. */
export function applyAnswer(engine: Engine, run: Run, key: string, answer: Answer): void {
  if (answer.kind === "unreachable") {
    postpone(engine, run, key, unreachableMs(run.unreachable++));
    return;
  }
  run.unreachable = 0;
  if (answer.kind === "lost") {
    const scaled = backoffMs(attemptOf(run, key), engine.backoffScale, engine.random());
    retryOrFail(engine, run, key, Math.min(scaled, LOST_LIMIT_MS), {
      name: "Error",
      message: answer.message,
    });
    return;
  }
  const version = Number(answer.headers["x-inngest-req-version"]);
  if (version === 1 || version === 2) run.requestVersion = version;
  try {
    if (answer.status === 206)
      applyOperations(engine, run, key, readOperations(JSON.parse(answer.body)), answer);
    else if (answer.status === 200) complete(engine, run, answer.body);
    else applyFunctionError(engine, run, key, answer);
  } catch (error) {
    const isInput = [OperationError, SyntaxError, JsonDepthError].some((type) => error instanceof type);
    if (!isInput || !(error instanceof Error)) throw error;
    finishRun(engine, run, {
      status: "failed",
      error: canonicalize({ name: "Error", message: error.message }),
    });
  }
}

type Answered = Extract<Answer, { kind: "answered" }>;

function complete(engine: Engine, run: Run, body: string): void {
  const output = body === "" ? "null" : canonicalize(JSON.parse(body));
  finishRun(engine, run, { status: "completed", output });
}

function attemptOf(run: Run, key: string): number {
  return run.work.get(key)?.attempt ?? 0;
}

function applyOperations(
  engine: Engine,
  run: Run,
  key: string,
  operations: Operation[],
  answer: Answered,
): void {
  const ofFunction = operations.find(({ id, op }) => id === FUNCTION_STEP_ID && RAN.has(op));
  if (ofFunction) {
    applyFunctionError(engine, run, key, { ...answer, body: canonicalize(ofFunction.error) });
    return;
  }
  const again = operations.find(({ op }) => op === "StepError" && !isFinal(engine, run, key, answer));
  const ran = operations.filter((operation) => RAN.has(operation.op) && operation !== again);
  for (const operation of ran) recordRan(engine, run, operation);
  const complete = operations.find(({ op }) => op === "RunComplete");
  if (complete) {
    finishRun(engine, run, { status: "completed", output: canonicalize(complete.data ?? null) });
  } else if (again) {
    retryOrFail(engine, run, key, delayOf(engine, run, key, answer), again.error);
  } else if (key === DISCOVERY) {
    goOn(engine, run, operations, ran, answer);
  } else if (run.work.has(key)) {
    const error = { name: "Error", message: "The app did not run the step it was asked for." };
    retryOrFail(engine, run, key, delayOf(engine, run, key, answer), error);
  }
}

/** After a discovery call: plan what is new, and ask again when something has settled meanwhile. */
function goOn(engine: Engine, run: Run, operations: Operation[], ran: Operation[], answer: Answered): void {
  const planned = operations.filter(
    ({ op, id }) => !RAN.has(op) && op !== "DiscoveryRequest" && !isKnown(run, id),
  );
  const ask = ran.length > 0 || run.rediscover || operations.some(({ op }) => op === "DiscoveryRequest");
  run.rediscover = false;
  const waiting = hasPending(run);
  if (!ask && !planned.length && !waiting) {
    const error = { name: "Error", message: "The function answered without telling what comes next." };
    retryOrFail(engine, run, DISCOVERY, delayOf(engine, run, DISCOVERY, answer), error);
    return;
  }
  // The row of the next discovery would be the same as this one's: sequential steps then write one row only.
  const sameAgain = ask && !planned.length && !waiting && attemptOf(run, DISCOVERY) === 0;
  if (!sameAgain) clearWork(engine, run, DISCOVERY);
  for (const operation of planned) planStep(engine, run, operation);
  const race = ran.some(({ opts }) => opts?.parallelMode === "race");
  if (ask) discover(engine, run, race);
}

const RAN: ReadonlySet<string> = new Set(["Step", "StepRun", "StepError", "StepFailed"]);

function isFinal(engine: Engine, run: Run, key: string, answer: Answered): boolean {
  return (
    answer.headers["x-inngest-no-retry"] === "true" || attemptOf(run, key) + 1 >= maxAttempts(engine, run)
  );
}

function maxAttempts(engine: Engine, run: Run): number {
  return engine.functions.get(run.row.functionId)?.config.maxAttempts ?? 1;
}

function delayOf(engine: Engine, run: Run, key: string, answer: Answered): number {
  return (
    retryAfterMs(answer.headers["retry-after"], engine.now()) ??
    backoffMs(attemptOf(run, key), engine.backoffScale, engine.random())
  );
}

function applyFunctionError(engine: Engine, run: Run, key: string, answer: Answered): void {
  const error = readError(answer);
  if (answer.headers["x-inngest-no-retry"] === "true") {
    finishRun(engine, run, { status: "failed", error: errorText(error) });
  } else retryOrFail(engine, run, key, delayOf(engine, run, key, answer), error);
}

function readError(answer: Answered): unknown {
  try {
    const parsed: unknown = JSON.parse(answer.body);
    if (typeof parsed === "object" && parsed !== null) {
      const { error, message } = parsed as { error?: unknown; message?: unknown };
      return typeof message === "string" ? parsed : { name: "Error", message: String(error ?? answer.body) };
    }
  } catch {
    // Not JSON: a proxy or the web framework answered; its text is the message.
  }
  return { name: "Error", message: `The app answered ${answer.status}: ${answer.body.slice(0, 500)}` };
}

function postpone(engine: Engine, run: Run, key: string, delayMs: number): void {
  const work = run.work.get(key);
  if (!work) return;
  putWork(engine, run, { ...work, dueAt: engine.now() + delayMs });
}

function retryOrFail(engine: Engine, run: Run, key: string, delayMs: number, error: unknown): void {
  const work = run.work.get(key);
  if (!work) return;
  if (work.attempt + 1 >= maxAttempts(engine, run)) {
    finishRun(engine, run, { status: "failed", error: errorText(error) });
    return;
  }
  putWork(engine, run, { ...work, attempt: work.attempt + 1, dueAt: engine.now() + delayMs });
}
