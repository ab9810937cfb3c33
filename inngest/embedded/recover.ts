/**
 * Reads everything unfinished back from the database at start. What was under way is called again; what fell
 * due while the engine was down fires now.
 */
import type pg from "pg";
import { DISCOVERY, type Engine, hasPending, holdWork, makeWork, putWork, type Run } from "./engine-state";
import type { FunctionConfig } from "./function-config";
import type { RunStatus, WorkKind } from "./records";
import { compileFunction, holdCron } from "./register-functions";

interface RunRecord {
  id: string;
  function_id: string;
  event_id: string;
  status: RunStatus;
  parent_run: string | null;
  parent_step: string | null;
  created_at: string;
  event: string;
  steps: string;
  bytes: string;
}

interface WorkRecord {
  run_id: string;
  key: string;
  kind: WorkKind;
  due_at: string | null;
  attempt: number;
  race: boolean;
  name: string | null;
  event_name: string | null;
  condition: string | null;
}

/** Fills the engine from the database. */
export async function recover(engine: Engine, reader: pg.Pool): Promise<void> {
  const functions = await reader.query<{ app: string; config: string }>(
    "SELECT app, config FROM engine.function",
  );
  for (const { app, config } of functions.rows) {
    const parsed = JSON.parse(config) as FunctionConfig;
    engine.functions.set(parsed.id, compileFunction(app, parsed));
  }
  const runs = await reader.query<RunRecord>(
    `SELECT r.id, r.function_id, r.event_id, r.status, r.parent_run, r.parent_step, r.created_at,
            e.body AS event, s.steps, s.bytes
     FROM engine.run r JOIN engine.event e ON e.id = r.event_id
     CROSS JOIN LATERAL (SELECT count(*) AS steps, coalesce(sum(octet_length(result)), 0) AS bytes
                         FROM engine.step WHERE run_id = r.id) s
     WHERE r.status = 'running' ORDER BY r.id`,
  );
  for (const record of runs.rows) engine.runs.set(record.id, toRun(record));
  const works = await reader.query<WorkRecord>("SELECT * FROM engine.work");
  for (const record of works.rows) {
    const run = engine.runs.get(record.run_id);
    if (!run) continue;
    holdWork(engine, run, {
      runId: record.run_id,
      key: record.key,
      kind: record.kind,
      dueAt: record.due_at === null ? null : Number(record.due_at),
      attempt: record.attempt,
      race: record.race,
      name: record.name,
      eventName: record.event_name,
      condition: record.condition,
    });
  }
  for (const run of engine.runs.values()) {
    const waiting = run.work.has(DISCOVERY) || hasPending(run);
    if (!waiting) putWork(engine, run, makeWork(run, DISCOVERY, "call", { dueAt: engine.now() }));
  }
  const once = await reader.query<{ key: string; expires_at: string }>(
    "SELECT key, expires_at FROM engine.once WHERE expires_at > $1",
    [engine.now()],
  );
  for (const { key, expires_at } of once.rows) engine.once.set(key, Number(expires_at));
  const crons = await reader.query<{ function_id: string; expression: string; next_at: string }>(
    "SELECT function_id, expression, next_at FROM engine.cron",
  );
  for (const cron of crons.rows) holdCron(engine, cron.function_id, cron.expression, Number(cron.next_at));
}

function toRun(record: RunRecord): Run {
  return {
    row: {
      id: record.id,
      functionId: record.function_id,
      eventId: record.event_id,
      status: record.status,
      output: null,
      parentRun: record.parent_run,
      parentStep: record.parent_step,
      createdAt: Number(record.created_at),
      endedAt: null,
    },
    event: record.event,
    work: new Map(),
    stepCount: Number(record.steps),
    resultBytes: Number(record.bytes),
    steps: undefined,
    arriving: undefined,
    inflight: new Map(),
    queued: new Set(),
    overdue: false,
    rediscover: false,
    requestVersion: -1,
    unreachable: 0,
  };
}
