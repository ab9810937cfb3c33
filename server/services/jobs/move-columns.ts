// What a move changes in a job's row besides its state, as SQL: columns that follow from the domain's tables, and those
// that the caller sets along. The statement around it calls the row as it was found `old`, the row that is written `j`.
import {
  EXECUTING,
  isSettled,
  JOB_STATES,
  type JobMove,
  type JobState,
  NEW_RUN,
  TRANSITIONS,
} from "../../domain/job-state";
import { LANE_TABLE } from "../../domain/lane";
import { HANDICAP_MS, HEAD_RANK } from "../../domain/priority";
import { type Job, Prisma } from "../../generated/prisma/client";
import { LEASE_ENDED } from "../queue/lease-sql";

/** What may be set together with a move; everything that the move itself decides is left out. */
export type MovedColumns = Partial<
  Pick<
    Job,
    | "waitingReason"
    | "waitingCode"
    | "wakeAt"
    | "errorCode"
    | "errorMessage"
    | "outputPath"
    | "branch"
    | "progress"
    | "currentStep"
    | "headCommit"
    | "baseCommit"
    | "baseRoot"
  >
> & { changes?: object; testResults?: object };

/** Whether nobody may hold the job after a move to `to`. */
export const endsWork = (to: JobState | "resume") => to !== "resume" && !EXECUTING[to];

/** The columns that a move changes besides state, log and lease, with what the caller sets over them. */
export function changes(
  move: JobMove,
  target: JobState | "resume",
  to: Prisma.Sql,
  set: MovedColumns,
): Prisma.Sql[] {
  const ends = endsWork(target);
  const columns: Record<string, Prisma.Sql> = {
    resume_state: target === "paused" ? Prisma.sql`old.state` : NOTHING,
    claimable: ends ? Prisma.sql`false` : claimableAt(to),
    ...(ends ? {} : { lane: laneAt(to) }),
    // What it waited for was found at its former state; what it waits for now is looked at behind the move.
    waiting_code: target === "paused" ? Prisma.sql`'paused'` : NOTHING,
    waiting_reason: NOTHING,
    ...(target === "pending" || target === "resume" ? placeInQueue(move, to) : {}),
    ...(move === "first_claim" ? { started_at: Prisma.sql`COALESCE(old.started_at, now())` } : {}),
    ...(target !== "resume" && isSettled(target)
      ? { wake_at: NOTHING, completed_at: Prisma.sql`now()`, current_step: NOTHING }
      : {}),
    ...(NEW_RUN.includes(move) ? FRESH_RUN : {}),
    ...furtherColumns(set),
  };
  const list = Object.entries(columns).map(([column, value]) => Prisma.sql`${Prisma.raw(column)} = ${value}`);
  return ends ? [LEASE_ENDED, ...list] : list;
}

const NOTHING = Prisma.sql`NULL`;

const laneAt = (state: Prisma.Sql) =>
  Prisma.sql`(${JSON.stringify(LANE_TABLE)}::jsonb #>> ARRAY[old.kind::text, ${state}::text])::lane`;

/** What can be worked on, is held by nobody and not set aside for a moment can be claimed; before it begins, what it depends on is looked at too. */
function claimableAt(to: Prisma.Sql): Prisma.Sql {
  const executing = JOB_STATES.filter((state) => EXECUTING[state]);
  return Prisma.sql`${to}::text = ANY(${executing}::text[]) AND old.lease_worker_id IS NULL AND old.lease_until IS NULL
    AND (${to} <> 'pending' OR NOT EXISTS (SELECT 1 FROM job_dependency d WHERE d.job_id = old.id))`;
}

/** What had begun goes on at the head of the queue; what had not keeps its turn, or gets one. */
function placeInQueue(move: JobMove, to: Prisma.Sql): Record<string, Prisma.Sql> {
  const now = Prisma.sql`now()::timestamptz(3)`;
  const since = move === "resume" ? Prisma.sql`COALESCE(old.queued_at, ${now})` : now;
  return {
    queued_at: Prisma.sql`CASE WHEN ${to} = 'pending' THEN ${since} ELSE old.queued_at END`,
    rank: Prisma.sql`CASE WHEN ${to} = 'pending' THEN ${rankAt(since, Prisma.sql`old.priority`)}
      ELSE ${HEAD_RANK}::bigint END`,
    wake_at: NOTHING,
  };
}

/** The rank of server/domain/priority.ts, reckoned by the database's clock. */
export function rankAt(queuedAt: Prisma.Sql, priority: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`((extract(epoch FROM ${queuedAt}) * 1000)::bigint
    + (${JSON.stringify(HANDICAP_MS)}::jsonb ->> ${priority}::text)::bigint)`;
}

/** The first claim of a run as a part of the claim's own statement, where `old` is the job as it was found. */
export const FIRST_CLAIM = Prisma.sql`
  state = CASE WHEN old.state = 'pending' THEN ${TRANSITIONS.first_claim.to}::job_state ELSE old.state END,
  started_at = CASE WHEN old.state = 'pending' THEN COALESCE(old.started_at, now()) ELSE old.started_at END`;

/** A retry begins from the beginning; what was committed stays in the workspace. */
const FRESH_RUN = {
  run: Prisma.sql`old.run + 1`,
  rounds: Prisma.sql`0`,
  progress: Prisma.sql`0`,
  iterations: Prisma.sql`0`,
  current_step: NOTHING,
  engine_run_id: NOTHING,
  delivery_began: Prisma.sql`false`,
  error_code: NOTHING,
  error_message: NOTHING,
  completed_at: NOTHING,
  leased_ms: Prisma.sql`0`,
  // An external agent has handed its work over to ordinary runners; from here on it does it all again. What the factory
  // has not prepared yet still comes first.
  needs: Prisma.sql`CASE WHEN j.agent = 'external' AND NOT j.prepares THEN 'agent' ELSE j.needs END`,
};

/** The types of the columns that may be set together with a move, by the names that Prisma gives them. */
const TYPES: Record<keyof MovedColumns, string> = {
  waitingReason: "text",
  waitingCode: "text",
  wakeAt: "timestamptz",
  errorCode: "text",
  errorMessage: "text",
  outputPath: "text",
  branch: "text",
  progress: "float8",
  currentStep: "text",
  headCommit: "text",
  baseCommit: "text",
  baseRoot: "text",
  changes: "jsonb",
  testResults: "jsonb",
};

/** What is set, in one order, by the names of the columns. */
export function columnsOf(set: MovedColumns): [name: string, value: unknown][] {
  return (Object.keys(TYPES) as (keyof MovedColumns)[])
    .filter((name) => set[name] !== undefined)
    .map((name) => [columnName(name), set[name]]);
}

const columnName = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function furtherColumns(set: MovedColumns): Record<string, Prisma.Sql> {
  const types = new Map(Object.entries(TYPES).map(([name, type]) => [columnName(name), type]));
  return Object.fromEntries(
    columnsOf(set).map(([column]) => {
      const type = types.get(column) as string;
      const value =
        type === "jsonb" ? `NULLIF(old.set -> '${column}', 'null')` : `(old.set ->> '${column}')::${type}`;
      return [column, Prisma.raw(value)];
    }),
  );
}
