// The only writer of job state (invariant 1): compare-and-set on the allowed sources plus the event, in one statement.
// What a move changes follows from the domain's tables; the database only fills in what it alone knows.
import { type Db, runStatement, type Tx } from "../../db";
import { AppError } from "../../domain/errors";
import type { NewJobEvent } from "../../domain/events";
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
import { mapText, plainText } from "../../domain/plain-json";
import { HANDICAP_MS, HEAD_RANK } from "../../domain/priority";
import { NEEDS_PERSON } from "../../domain/waiting";
import { gather } from "../../gather";
import { type Job, Prisma } from "../../generated/prisma/client";
import { settleFiles } from "../locks/release-locks";
import { OUTBOX_CHANNEL } from "../outbox/add-to-outbox";
import { announce, announceSoon, logGrew, type Wakeup } from "../queue/announce";
import { CLAIMABLE } from "../queue/announce-claimable";
import { leaseOver } from "../queue/end-lease";
import { LEASE_COLUMNS, LEASE_ENDED, LEASE_EVENT_COUNT, leaseEvent, workerFreed } from "../queue/lease-sql";
import { leaveFullLane } from "../queue/leave-full-lane";
import { tallyOfEnd } from "../queue/tally";
import { carryMessages } from "../steering/carry-messages";
import { agentRunsEnd } from "./end-agent-runs";
import { toJob } from "./job-row";
import { refreshJob, wakeDependents } from "./wake-dependents";

export interface Move {
  /** Internal id. */
  job: bigint;
  move: JobMove;
  /** Who did it: "person:<username>", "worker:<id>" or "factory". */
  actor: string;
  reason?: string;
  /** Further columns that belong to this move. */
  set?: MovedColumns;
  /** Further events of the same moment, logged after the move. */
  events?: readonly NewJobEvent[];
}

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

/** What the statement gives besides the job. */
interface Moved extends Record<string, unknown> {
  _was: JobState;
  _held_by: string | null;
}

/** What a move alone tells of the job: the whole row is wide. */
export type MovedJob = Pick<
  Job,
  "id" | "publicId" | "teamId" | "projectId" | "state" | "lastSeq" | "claimable" | "awaited"
>;
const MOVED = Prisma.sql`id, public_id, team_id, project_id, state, last_seq, claimable, awaited, _was, _held_by`;

/**
 * Moves a job along the state table, within the caller's transaction.
 * @returns the job as it is now
 * @throws AppError `not_found`; `conflict` when the table does not allow the move from the present state
 */
export async function moveJob(tx: Tx, move: Move): Promise<Job> {
  const row = await carryOut(tx, move);
  let job = toJob(row);
  if (job.state === "pending") {
    if (NEW_RUN.includes(move.move)) await carryMessages(tx, job);
    await refreshJob(tx, job.id);
    job = await tx.job.findUniqueOrThrow({ where: { id: job.id } });
  } else if (await leaveFullLane(tx, job)) {
    job = await tx.job.findUniqueOrThrow({ where: { id: job.id } });
  }
  if (concernsDependents(row._was, job.state)) await wakeDependents(tx, job);
  if (await settleFiles(tx, job)) job = await tx.job.findUniqueOrThrow({ where: { id: job.id } });
  await announce(tx, wakeupsOf(move, job, row));
  return job;
}

/**
 * The same as a transaction of its own. A move that ends the work is one statement and one commit; who waits for the
 * job is looked at behind it, and by a sweep should the process die in between.
 * @throws AppError as moveJob
 */
export async function moveAlone(db: Db, move: Move): Promise<MovedJob> {
  if (!endsWork(TRANSITIONS[move.move].to)) return db.$transaction((tx) => moveJob(tx, move));
  const row = await carryOutAlone(db, move);
  const job: MovedJob = toJob(row);
  announceSoon(db, wakeupsOf(move, job, row));
  if (concernsDependents(row._was, job.state)) await wakeDependents(db, job);
  if (job.projectId !== null) await db.$transaction((tx) => settleFiles(tx, job));
  return job;
}

/** Whether nobody may hold the job after a move to `to`. */
const endsWork = (to: JobState | "resume") => to !== "resume" && !EXECUTING[to];

/** Others wait for the end of a job, and are told when it needs a person or goes on after all. */
const concernsDependents = (was: JobState, to: JobState) =>
  [was, to].some((state) => isSettled(state) || NEEDS_PERSON.includes(state));

/** Carries one move out, in the caller's transaction. */
async function carryOut(tx: Tx, move: Move): Promise<Moved> {
  const [row] = await runStatement<Moved>(tx, statementOf([move], Prisma.sql`*`));
  return row ?? Promise.reject(await refusalOf(tx, move));
}

/** Moves of one kind that meet in this process share a statement and a commit. */
const carryOutAlone = gather<Move, Moved>({
  kind: ({ move, set = {} }) =>
    `${move} ${columnsOf(set)
      .map(([name]) => name)
      .join()}`,
  about: ({ job }) => String(job),
  run: async (db, moves) => {
    const rows = await runStatement<Moved>(db, statementOf(moves, MOVED));
    return Promise.all(moves.map((move) => rows.find((row) => row.id === move.job) ?? refusalOf(db, move)));
  },
});

/** Why nothing was moved. */
async function refusalOf(at: Db | Tx, { job: id, move }: Move): Promise<AppError> {
  const job = await at.job.findUnique({ where: { id }, select: { publicId: true, state: true } });
  if (!job) return new AppError("not_found", "There is no such job.");
  return new AppError("conflict", `${job.publicId} is ${job.state}; "${move}" is not possible now.`);
}

/** @param moves of one kind: the same move, setting the same columns; each of another job */
function statementOf(moves: readonly Move[], columns: Prisma.Sql): Prisma.Sql {
  const { move, set = {} } = moves[0] as Move;
  const { from, to: target }: { from: readonly JobState[]; to: JobState | "resume" } = TRANSITIONS[move];
  const to = target === "resume" ? Prisma.sql`old.resume_state` : Prisma.sql`${target}::job_state`;
  const ends = endsWork(target);
  const happened = Prisma.sql`jsonb_build_object('type', 'job.moved', 'data', jsonb_build_object(
    'from', old.state, 'to', m.state, 'move', ${move}::text, 'actor', old.actor, 'reason', old.reason))`;
  const log = ends
    ? Prisma.sql`${leaseEvent(`job is ${target}`)} || ${happened} || old.events`
    : Prisma.sql`jsonb_build_array(${happened}) || old.events`;
  const count = Prisma.sql`1 + jsonb_array_length(old.events) + ${ends ? LEASE_EVENT_COUNT : Prisma.sql`0`}`;
  const parts = [
    ...(ends ? [Prisma.sql`freed AS (${workerFreed(countedAs(target))})`] : []),
    ...engineEvent(move, target),
    ...tallyOfEnd(target),
    ...agentRunsEnd(target),
  ];
  return Prisma.sql`
    WITH found AS MATERIALIZED (
      -- By the key, one after the other and in one order, whatever is thought of how many they are.
      SELECT j.*, g.actor, g.reason, g.events, g.set
      FROM (
        SELECT * FROM jsonb_to_recordset(${JSON.stringify(moves.map(givenOf))}::jsonb)
          AS g(job bigint, actor text, reason text, events jsonb, set jsonb) ORDER BY job
      ) g CROSS JOIN LATERAL (
        SELECT id, state, resume_state, kind, priority, run, last_seq, queued_at, started_at, lease_until,
          ${LEASE_COLUMNS}
        FROM job WHERE id = g.job FOR UPDATE
      ) j
    ), old AS MATERIALIZED (
      SELECT * FROM found old WHERE old.state::text = ANY(${[...from]}::text[]) AND ${to} IS NOT NULL
    ), moved AS (
      UPDATE job j SET state = ${to}, ${Prisma.join(changes(move, target, to, set))},
        last_seq = old.last_seq + ${count}
      FROM old WHERE j.id = old.id
      RETURNING j.*, old.state AS _was, old.lease_worker_id AS _held_by
    ), logged AS (
      INSERT INTO job_event (job_id, seq, run, type, data)
      SELECT m.id, old.last_seq + x.n, m.run, x.item->>'type', x.item->'data'
      FROM moved m JOIN old ON old.id = m.id
        CROSS JOIN LATERAL jsonb_array_elements(${log}) WITH ORDINALITY AS x(item, n)
    )${parts.length > 0 ? Prisma.sql`, ${Prisma.join(parts)}` : Prisma.empty}
    SELECT ${columns} FROM moved`;
}

/** One move as the statement reads it. */
function givenOf({ job, actor, reason, set = {}, events = [] }: Move) {
  return {
    job: String(job),
    actor,
    reason: reason === undefined ? null : plainText(reason),
    events: mapText(events, plainText),
    set: Object.fromEntries(columnsOf(set)),
  };
}

/** The columns that a move changes besides state, log and lease, with what the caller sets over them. */
function changes(
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
    ...(target === "pending" || target === "resume" ? placeInQueue(move, to) : {}),
    ...(target === "paused" ? { waiting_code: Prisma.sql`'paused'`, waiting_reason: NOTHING } : {}),
    ...(move === "first_claim" ? { started_at: Prisma.sql`COALESCE(old.started_at, now())` } : {}),
    ...(target !== "resume" && isSettled(target)
      ? { ...WAITS_NO_MORE, completed_at: Prisma.sql`now()`, current_step: NOTHING }
      : {}),
    ...(NEW_RUN.includes(move) ? FRESH_RUN : {}),
    ...furtherColumns(set),
  };
  const list = Object.entries(columns).map(([column, value]) => Prisma.sql`${Prisma.raw(column)} = ${value}`);
  return ends ? [LEASE_ENDED, ...list] : list;
}

const NOTHING = Prisma.sql`NULL`;
const WAITS_NO_MORE = { waiting_code: NOTHING, waiting_reason: NOTHING, wake_at: NOTHING };

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
    ...WAITS_NO_MORE,
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
function columnsOf(set: MovedColumns): [name: string, value: unknown][] {
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

/** Functions of a run that can never go on are ended; a paused one is woken when it goes on. */
function engineEvent(move: JobMove, target: JobState | "resume"): Prisma.Sql[] {
  if (target === "cancelled" || target === "failed" || target === "escalated") {
    return [
      Prisma.sql`sent AS (
        INSERT INTO outbox (id, name, data)
        SELECT 'stopped:' || m.public_id || ':' || old.run || ':' || m.state, 'job/stopped',
          jsonb_build_object('job', m.public_id, 'run', old.run, 'reason', COALESCE(old.reason, ${target}::text))
        FROM moved m JOIN old ON old.id = m.id ON CONFLICT (id) DO NOTHING)`,
    ];
  }
  if (move !== "resume") return [];
  return [
    Prisma.sql`sent AS (
      INSERT INTO outbox (id, name, data)
      SELECT 'resumed:' || m.public_id || ':' || m.last_seq, 'job/resumed',
        jsonb_build_object('job', m.public_id, 'run', m.run) FROM moved m)`,
  ];
}

const countedAs = (target: JobState | "resume") =>
  target === "completed" || target === "failed" ? target : null;

function wakeupsOf({ move }: Move, job: MovedJob, { _held_by }: Moved): Wakeup[] {
  const engineHears = NEEDS_PERSON.includes(job.state) || move === "resume";
  return [
    logGrew(job),
    ...(engineHears ? [{ channel: OUTBOX_CHANNEL, payload: "" }] : []),
    ...(job.claimable ? [CLAIMABLE] : []),
    ...(_held_by !== null && !EXECUTING[job.state] ? leaseOver(job.publicId) : []),
  ];
}
