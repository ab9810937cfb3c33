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
import { type Job, Prisma } from "../../generated/prisma/client";
import { OUTBOX_CHANNEL } from "../outbox/add-to-outbox";
import { announce, announceSoon, logGrew, type Wakeup } from "../queue/announce";
import { CLAIMABLE } from "../queue/announce-claimable";
import { leaseOver } from "../queue/end-lease";
import { LEASE_COLUMNS, LEASE_ENDED, LEASE_EVENT_COUNT, leaseEvent, workerFreed } from "../queue/lease-sql";
import { leaveFullLane } from "../queue/leave-full-lane";
import { tallyOfEnd } from "../queue/tally";
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
  "id" | "publicId" | "teamId" | "state" | "lastSeq" | "claimable" | "awaited"
>;
const MOVED = Prisma.sql`id, public_id, team_id, state, last_seq, claimable, awaited, _was, _held_by`;

/**
 * Moves a job along the state table, within the caller's transaction.
 * @returns the job as it is now
 * @throws AppError `not_found`; `conflict` when the table does not allow the move from the present state
 */
export async function moveJob(tx: Tx, move: Move): Promise<Job> {
  const row = await carryOut(tx, move, Prisma.sql`*`);
  let job = toJob(row);
  if (job.state === "pending") {
    await refreshJob(tx, job.id);
    job = await tx.job.findUniqueOrThrow({ where: { id: job.id } });
  } else if (await leaveFullLane(tx, job)) {
    job = await tx.job.findUniqueOrThrow({ where: { id: job.id } });
  }
  if (concernsDependents(row._was, job.state)) await wakeDependents(tx, job);
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
  const row = await carryOut(db, move, MOVED);
  const job: MovedJob = toJob(row);
  announceSoon(db, wakeupsOf(move, job, row));
  if (concernsDependents(row._was, job.state)) await wakeDependents(db, job);
  return job;
}

/** Whether nobody may hold the job after a move to `to`. */
const endsWork = (to: JobState | "resume") => to !== "resume" && !EXECUTING[to];

/** Others wait for the end of a job, and are told when it needs a person or goes on after all. */
const concernsDependents = (was: JobState, to: JobState) =>
  [was, to].some((state) => isSettled(state) || NEEDS_PERSON.includes(state));

async function carryOut(at: Db | Tx, move: Move, columns: Prisma.Sql): Promise<Moved> {
  const [row] = await runStatement<Moved>(at, statementOf(move, columns));
  if (row) return row;
  const job = await at.job.findUnique({ where: { id: move.job }, select: { publicId: true, state: true } });
  if (!job) throw new AppError("not_found", "There is no such job.");
  throw new AppError("conflict", `${job.publicId} is ${job.state}; "${move.move}" is not possible now.`);
}

function statementOf(
  { job, move, actor, reason, set = {}, events = [] }: Move,
  columns: Prisma.Sql,
): Prisma.Sql {
  const { from, to: target }: { from: readonly JobState[]; to: JobState | "resume" } = TRANSITIONS[move];
  const to = target === "resume" ? Prisma.sql`old.resume_state` : Prisma.sql`${target}::job_state`;
  const ends = endsWork(target);
  const further = JSON.stringify(mapText(events, plainText));
  const happened = Prisma.sql`jsonb_build_object('type', 'job.moved', 'data', jsonb_build_object(
    'from', old.state, 'to', m.state, 'move', ${move}::text, 'actor', ${actor}::text,
    'reason', ${reason === undefined ? null : plainText(reason)}::text))`;
  const log = ends
    ? Prisma.sql`${leaseEvent(`job is ${target}`)} || ${happened} || ${further}::jsonb`
    : Prisma.sql`jsonb_build_array(${happened}) || ${further}::jsonb`;
  const count = Prisma.sql`${events.length + 1}::int + ${ends ? LEASE_EVENT_COUNT : Prisma.sql`0`}`;
  const parts = [
    ...(ends ? [Prisma.sql`freed AS (${workerFreed(countedAs(target))})`] : []),
    ...engineEvent(move, target, reason),
    ...tallyOfEnd(target),
    ...agentRunsEnd(target),
  ];
  return Prisma.sql`
    WITH old AS MATERIALIZED (
      SELECT id, state, resume_state, kind, priority, run, last_seq, queued_at, started_at, ${LEASE_COLUMNS}
      FROM job WHERE id = ${job}::bigint FOR UPDATE
    ), moved AS (
      UPDATE job j SET state = ${to}, ${Prisma.join(changes(move, target, to, set))},
        last_seq = old.last_seq + ${count}
      FROM old WHERE j.id = old.id AND old.state::text = ANY(${[...from]}::text[]) AND ${to} IS NOT NULL
      RETURNING j.*, old.state AS _was, old.lease_worker_id AS _held_by
    ), logged AS (
      INSERT INTO job_event (job_id, seq, run, type, data)
      SELECT m.id, old.last_seq + x.n, m.run, x.item->>'type', x.item->'data'
      FROM moved m, old, jsonb_array_elements(${log}) WITH ORDINALITY AS x(item, n)
    )${parts.length > 0 ? Prisma.sql`, ${Prisma.join(parts)}` : Prisma.empty}
    SELECT ${columns} FROM moved`;
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

/** What can be worked on and is held by nobody can be claimed; before it begins, what it depends on is looked at too. */
function claimableAt(to: Prisma.Sql): Prisma.Sql {
  const executing = JOB_STATES.filter((state) => EXECUTING[state]);
  return Prisma.sql`${to}::text = ANY(${executing}::text[]) AND old.lease_worker_id IS NULL
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
};

const JSON_COLUMNS = ["changes", "testResults"];

function furtherColumns(set: MovedColumns): Record<string, Prisma.Sql> {
  const given = Object.entries(set).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    given.map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      JSON_COLUMNS.includes(name) ? Prisma.sql`${JSON.stringify(value)}::jsonb` : Prisma.sql`${value}`,
    ]),
  );
}

/** Functions of a run that can never go on are ended; a paused one is woken when it goes on. */
function engineEvent(move: JobMove, target: JobState | "resume", reason: string | undefined): Prisma.Sql[] {
  if (target === "cancelled" || target === "failed" || target === "escalated") {
    return [
      Prisma.sql`sent AS (
        INSERT INTO outbox (id, name, data)
        SELECT 'stopped:' || m.public_id || ':' || old.run || ':' || m.state, 'job/stopped',
          jsonb_build_object('job', m.public_id, 'run', old.run, 'reason', ${plainText(reason ?? target)}::text)
        FROM moved m, old ON CONFLICT (id) DO NOTHING)`,
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
