/**
 * Turns a batch of changed rows into one SQL statement: one round trip, one commit, all or nothing.
 * Every part is idempotent, so a batch whose commit is in doubt is simply sent again.
 */
import type { CronRow, EventRow, FunctionRow, OnceRow, RunRow, StepRow, Work } from "./records";

/** Rows changed since the last commit, in their final form; null means deleted. */
export interface Batch {
  functions: Map<string, FunctionRow | null>;
  events: EventRow[];
  runs: Map<string, RunRow>;
  steps: StepRow[];
  work: Map<string, Work>;
  goneWork: Map<string, { runId: string; key: string }>;
  crons: Map<string, CronRow>;
  goneCrons: Map<string, { functionId: string; expression: string }>;
  once: OnceRow[];
}

/** An empty batch. */
export function emptyBatch(): Batch {
  return {
    functions: new Map(),
    events: [],
    runs: new Map(),
    steps: [],
    work: new Map(),
    goneWork: new Map(),
    crons: new Map(),
    goneCrons: new Map(),
    once: [],
  };
}

/** The kinds of rows in a batch, by their names. */
export function kindsOf(batch: Batch): string[] {
  const kinds = [...batch.work.values()].map(({ kind }) => `work-${kind}`);
  for (const name of [
    "functions",
    "events",
    "runs",
    "steps",
    "goneWork",
    "crons",
    "goneCrons",
    "once",
  ] as const) {
    const rows = batch[name];
    if (Array.isArray(rows) ? rows.length : rows.size) kinds.push(name);
  }
  return [...new Set(kinds)];
}

interface Column<Row> {
  type: "text" | "bigint" | "int" | "boolean";
  value(row: Row): string | number | boolean | null;
}

interface Part<Row> {
  columns: Column<Row>[];
  /** The statement of this part, given the source expression `unnest($n::type[], …)`. */
  sql(source: string): string;
}

const text = <Row>(value: (row: Row) => string | null): Column<Row> => ({ type: "text", value });
const big = <Row>(value: (row: Row) => number | null): Column<Row> => ({ type: "bigint", value });

const functionPart: Part<FunctionRow> = {
  columns: [text((f) => f.id), text((f) => f.app), text((f) => f.url), text((f) => f.config)],
  sql: (source) =>
    `INSERT INTO engine.function (id, app, url, config) SELECT * FROM ${source}
     ON CONFLICT (id) DO UPDATE SET app = excluded.app, url = excluded.url, config = excluded.config`,
};

const goneFunctionPart: Part<string> = {
  columns: [text((id) => id)],
  sql: (source) => `DELETE FROM engine.function USING ${source} AS gone(id) WHERE function.id = gone.id`,
};

const eventPart: Part<EventRow> = {
  columns: [
    text((e) => e.id),
    text((e) => e.dedupe),
    text((e) => e.name),
    text((e) => e.body),
    big((e) => e.receivedAt),
  ],
  sql: (source) =>
    `INSERT INTO engine.event (id, dedupe, name, body, received_at) SELECT * FROM ${source}
     ON CONFLICT DO NOTHING`,
};

const runPart: Part<RunRow> = {
  columns: [
    text((r) => r.id),
    text((r) => r.functionId),
    text((r) => r.eventId),
    text((r) => r.status),
    text((r) => r.output),
    text((r) => r.parentRun),
    text((r) => r.parentStep),
    big((r) => r.createdAt),
    big((r) => r.endedAt),
  ],
  sql: (source) =>
    `INSERT INTO engine.run
       (id, function_id, event_id, status, output, parent_run, parent_step, created_at, ended_at)
     SELECT * FROM ${source}
     ON CONFLICT (id) DO UPDATE
       SET status = excluded.status, output = excluded.output, ended_at = excluded.ended_at`,
};

const stepPart: Part<StepRow> = {
  columns: [
    text((s) => s.runId),
    text((s) => s.id),
    { type: "int", value: (s) => s.seq },
    text((s) => s.name),
    text((s) => s.result),
    big((s) => s.recordedAt),
  ],
  sql: (source) =>
    `INSERT INTO engine.step (run_id, id, seq, name, result, recorded_at) SELECT * FROM ${source}
     ON CONFLICT DO NOTHING`,
};

const workPart: Part<Work> = {
  columns: [
    text((w) => w.runId),
    text((w) => w.key),
    text((w) => w.kind),
    big((w) => w.dueAt),
    { type: "int", value: (w) => w.attempt },
    { type: "boolean", value: (w) => w.race },
    text((w) => w.name),
    text((w) => w.eventName),
    text((w) => w.condition),
  ],
  sql: (source) =>
    `INSERT INTO engine.work
       (run_id, key, kind, due_at, attempt, race, name, event_name, condition)
     SELECT * FROM ${source}
     ON CONFLICT (run_id, key) DO UPDATE
       SET kind = excluded.kind, due_at = excluded.due_at, attempt = excluded.attempt, race = excluded.race,
           name = excluded.name, event_name = excluded.event_name, condition = excluded.condition`,
};

const goneWorkPart: Part<{ runId: string; key: string }> = {
  columns: [text((w) => w.runId), text((w) => w.key)],
  sql: (source) =>
    `DELETE FROM engine.work USING ${source} AS gone(run_id, key)
     WHERE work.run_id = gone.run_id AND work.key = gone.key`,
};

const cronPart: Part<CronRow> = {
  columns: [text((c) => c.functionId), text((c) => c.expression), big((c) => c.nextAt)],
  sql: (source) =>
    `INSERT INTO engine.cron (function_id, expression, next_at) SELECT * FROM ${source}
     ON CONFLICT (function_id, expression) DO UPDATE SET next_at = excluded.next_at`,
};

const goneCronPart: Part<{ functionId: string; expression: string }> = {
  columns: [text((c) => c.functionId), text((c) => c.expression)],
  sql: (source) =>
    `DELETE FROM engine.cron USING ${source} AS gone(function_id, expression)
     WHERE cron.function_id = gone.function_id AND cron.expression = gone.expression`,
};

const oncePart: Part<OnceRow> = {
  columns: [text((o) => o.key), big((o) => o.expiresAt)],
  sql: (source) =>
    `INSERT INTO engine.once (key, expires_at) SELECT * FROM ${source}
     ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at`,
};

/** A named, prepared statement; undefined for an empty batch. */
export interface Statement {
  name: string;
  text: string;
  values: unknown[][];
}

/** Builds the statement of a batch. The name depends only on which tables take part, so plans are reused. */
export function buildStatement(batch: Batch): Statement | undefined {
  const ctes: string[] = [];
  const values: unknown[][] = [];
  let mask = "";
  const add = <Row>(part: Part<Row>, rows: Row[]) => {
    mask += rows.length ? "1" : "0";
    if (!rows.length) return;
    const parameters = part.columns.map((column) => {
      values.push(rows.map(column.value));
      return `$${values.length}::${column.type}[]`;
    });
    ctes.push(`p${ctes.length} AS (${part.sql(`unnest(${parameters.join(", ")})`)})`);
  };
  const functions = [...batch.functions];
  add(
    functionPart,
    functions.flatMap(([, row]) => (row ? [row] : [])),
  );
  add(
    goneFunctionPart,
    functions.flatMap(([id, row]) => (row ? [] : [id])),
  );
  add(eventPart, batch.events);
  add(runPart, [...batch.runs.values()]);
  add(stepPart, batch.steps);
  add(workPart, [...batch.work.values()]);
  add(goneWorkPart, [...batch.goneWork.values()]);
  add(cronPart, [...batch.crons.values()]);
  add(goneCronPart, [...batch.goneCrons.values()]);
  add(oncePart, batch.once);
  if (!ctes.length) return undefined;
  return { name: `engine_${mask}`, text: `WITH ${ctes.join(",\n")} SELECT 1`, values };
}
