/**
 * What the engine knows, in memory; Postgres is its journal. Unfinished runs live here whole, finished ones
 * only in the database.
 *
 *   event ─▶ run ─▶ call the SDK ─▶ answer ──▶ finished ─▶ output, parent's step, internal events
 *             ▲                       │
 *             │                       ├─ steps settled (also by checkpoints, while the call goes on)
 *             └── nothing pending ◀───┴─ pending: plan · sleep · wait · invoke  (rows of engine.work)
 *
 * Invariant: every change is one synchronous function; what follows from it happens after its commit.
 */
import type { Logger } from "pino";
import type { Json } from "./canonical-json";
import type { FunctionConfig } from "./function-config";
import type { Journal } from "./journal";
import type { Expression, ValueExpression } from "./parse-expression";
import type { RunRow, Work } from "./records";
import type { Timers } from "./timers";
import type { WaitIndex } from "./wait-index";

/** The key of a run's discovery call among its work. */
export const DISCOVERY = "step";

/** A call to the SDK that is under way. */
export interface Call {
  requestId: string;
  generation: number;
  abort(): void;
}

/** An unfinished run. */
export interface Run {
  row: RunRow;
  /** The triggering event, canonical JSON. */
  event: string;
  work: Map<string, Work>;
  stepCount: number;
  /** Bytes of all results, which have a limit. */
  resultBytes: number;
  /** Results of settled steps in order; undefined while they are only in the database. */
  steps: Map<string, string> | undefined;
  /** Steps settled while `steps` is being read. */
  arriving: [string, string][] | undefined;
  inflight: Map<string, Call>;
  /** Calls that wait for their turn under a concurrency limit. */
  queued: Set<string>;
  /** Its finish timeout has passed; the call under way may still finish it, nothing else is begun. */
  overdue: boolean;
  /** A step settled while a discovery call was under way; ask again when it returns. */
  rediscover: boolean;
  /** The SDK's execution version; -1 until it has answered. */
  requestVersion: number;
  /** Calls in a row that did not reach the app. */
  unreachable: number;
}

/** A registered function with its parsed expressions. */
export interface RegisteredFunction {
  app: string;
  config: FunctionConfig;
  events: { name: string; expression: Expression | null }[];
  concurrency: { limit: number; key: ValueExpression | null }[];
  priority: ValueExpression | null;
  idempotency: ValueExpression | null;
}

/** An event as the engine handles it. */
export interface EngineEvent {
  id: string;
  dedupe: string | null;
  name: string;
  /** The canonical JSON functions receive, and the same parsed. */
  body: string;
  value: Json;
  receivedAt: number;
}

/** What a timer points at: a run's work or a cron trigger. */
export type TimerItem = { runId: string; key: string } | { functionId: string; cron: string };

/** Everything the parts of the engine share. */
export interface Engine {
  log: Logger;
  journal: Journal;
  timers: Timers<TimerItem>;
  waits: WaitIndex;
  functions: Map<string, RegisteredFunction>;
  runs: Map<string, Run>;
  /** When an idempotency key may start a run again, per hashed key. */
  once: Map<string, number>;
  /** Next time per "function expression" of a cron trigger. */
  crons: Map<string, number>;
  now(): number;
  random(): number;
  backoffScale: number;
  /** Starts the call a run has due. Called only after the commit that made it due. */
  dispatch(run: Run, key: string): void;
  /** Handles an event of the engine itself, such as inngest/function.failed. */
  emit(event: EngineEvent): void;
}

/** Adds or replaces an outstanding thing of a run, with its timer, its place in the index, its row. */
export function putWork(engine: Engine, run: Run, work: Work): void {
  const previous = run.work.get(work.key);
  if (previous?.eventName) engine.waits.remove(previous);
  run.work.set(work.key, work);
  engine.journal.putWork(work);
  holdWork(engine, run, work);
}

/** The part of putWork that does not write: for work read back from the database. */
export function holdWork(engine: Engine, run: Run, work: Work): void {
  run.work.set(work.key, work);
  if (work.eventName) engine.waits.add(work);
  const isCall = work.kind === "call" || work.kind === "plan";
  if (isCall && work.dueAt !== null && work.dueAt <= engine.now()) {
    engine.journal.afterCommit(() => engine.dispatch(run, work.key));
  } else if (work.dueAt !== null) {
    engine.timers.add(work.dueAt, { runId: run.row.id, key: work.key });
  }
}

/** Removes an outstanding thing of a run. */
export function clearWork(engine: Engine, run: Run, key: string): void {
  const work = run.work.get(key);
  if (!work) return;
  if (work.eventName) engine.waits.remove(work);
  run.work.delete(key);
  engine.journal.deleteWork(run.row.id, key);
}

/** A work row with the usual defaults. */
export function makeWork(run: Run, key: string, kind: Work["kind"], rest: Partial<Work> = {}): Work {
  return {
    runId: run.row.id,
    key,
    kind,
    dueAt: null,
    attempt: 0,
    race: false,
    name: null,
    eventName: null,
    condition: null,
    ...rest,
  };
}

const PENDING: ReadonlySet<Work["kind"]> = new Set(["plan", "sleep", "wait", "invoke"]);

/** Whether steps of a run have not settled yet; with `joined`, only steps that are no part of a race count. */
export function hasPending(run: Run, joined = false): boolean {
  for (const work of run.work.values()) if (PENDING.has(work.kind) && !(joined && work.race)) return true;
  return false;
}
