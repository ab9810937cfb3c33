/**
 * The rows of the schema "engine" as the engine holds them. Times are milliseconds since 1970.
 */

/** What an unfinished run can be waiting for. */
export type WorkKind = "call" | "plan" | "sleep" | "wait" | "invoke" | "cancel" | "deadline";

/** One outstanding thing of a run; its key is "step" for discovery, the step's id, or a name for rules. */
export interface Work {
  runId: string;
  key: string;
  kind: WorkKind;
  dueAt: number | null;
  attempt: number;
  /** The SDK asked for race semantics: settling this one is told at once. */
  race: boolean;
  name: string | null;
  eventName: string | null;
  /** A filled-in expression as JSON; null matches every event of the name. */
  condition: string | null;
}

/** A settled step; `result` is canonical JSON, exactly what the SDK is sent. */
export interface StepRow {
  runId: string;
  id: string;
  seq: number;
  name: string | null;
  result: string;
  recordedAt: number;
}

/** An accepted event; `body` is the canonical JSON a function receives. */
export interface EventRow {
  id: string;
  dedupe: string | null;
  name: string;
  body: string;
  receivedAt: number;
}

/** How a run stands. */
export type RunStatus = "running" | "completed" | "failed" | "cancelled";

/** A run's row. `output` is the result, or the error of a failed run, as canonical JSON. */
export interface RunRow {
  id: string;
  functionId: string;
  eventId: string;
  status: RunStatus;
  output: string | null;
  parentRun: string | null;
  parentStep: string | null;
  createdAt: number;
  endedAt: number | null;
}

/** When a cron trigger fires next. */
export interface CronRow {
  functionId: string;
  expression: string;
  nextAt: number;
}

/** A registered function; `config` is the checked configuration as JSON. */
export interface FunctionRow {
  id: string;
  app: string;
  url: string;
  config: string;
}

/** An idempotency key, hashed with its function, and until when it holds. */
export interface OnceRow {
  key: string;
  expiresAt: number;
}
