// The only writer of job state (invariant 1): compare-and-set on the allowed sources plus the event, in one statement.
// What a move changes follows from the domain's tables; the database only fills in what it alone knows.
import { type Db, runPlanned, runStatement, type Tx } from "../../db";
import { AppError } from "../../domain/errors";
import type { NewJobEvent } from "../../domain/events";
import {
  EXECUTING,
  isSettled,
  type JobMove,
  type JobState,
  NEW_RUN,
  TRANSITIONS,
} from "../../domain/job-state";
import { mapText, plainText } from "../../domain/plain-json";
import { NEEDS_PERSON } from "../../domain/waiting";
import { gather } from "../../gather";
import { type Job, Prisma } from "../../generated/prisma/client";
import { templates } from "../../template";
import { settleFiles } from "../locks/release-locks";
import { OUTBOX_CHANNEL } from "../outbox/add-to-outbox";
import { announce, announceSoon, logGrew, type Wakeup } from "../queue/announce";
import { CLAIMABLE } from "../queue/announce-claimable";
import { leaseOver } from "../queue/end-lease";
import { LEASE_COLUMNS, LEASE_EVENT_COUNT, leaseLost, workerFreed } from "../queue/lease-sql";
import { leaveFullLane } from "../queue/leave-full-lane";
import { tallyOfEnd } from "../queue/tally";
import { carryMessages } from "../steering/carry-messages";
import { agentRunsEnd } from "./end-agent-runs";
import { toJob } from "./job-row";
import { changes, columnsOf, endsWork, type MovedColumns } from "./move-columns";
import { refreshJob, wakeDependents } from "./wake-dependents";

export interface Move {
  /** Internal id. */
  job: bigint;
  /** The run that is meant, when the move is about one: a job that was begun anew since is left alone. */
  run?: number;
  move: JobMove;
  /** Who did it: "person:<username>", "worker:<id>" or "factory". */
  actor: string;
  reason?: string;
  /** Further columns that belong to this move. */
  set?: MovedColumns;
  /** Further events of the same moment, logged after the move. */
  events?: readonly NewJobEvent[];
}

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
const MOVED = Prisma.sql`id, public_id, team_id, project_id, state, last_seq, claimable, awaited`;
/** The same as the statement returns them, with what its own parts need besides. */
const OF_MOVED = Prisma.sql`j.id, j.public_id, j.team_id, j.project_id, j.state, j.last_seq, j.claimable, j.awaited,
  j.run, j.lane, j.kind, j.started_at, j.completed_at`;

/**
 * Moves a job along the state table, within the caller's transaction.
 * @returns the job as it is now
 * @throws AppError `not_found`; `conflict` when the table does not allow the move from the present state, or the run is over
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
  if (job.awaited && concernsDependents(row._was, job.state))
    await db.$transaction((tx) => wakeDependents(tx, job));
  if (job.projectId !== null) await db.$transaction((tx) => settleFiles(tx, job));
  return job;
}

/** Others wait for the end of a job, and are told when it needs a person or goes on after all. */
const concernsDependents = (was: JobState, to: JobState) =>
  [was, to].some((state) => isSettled(state) || NEEDS_PERSON.includes(state));

/** Carries one move out, in the caller's transaction. */
async function carryOut(tx: Tx, move: Move): Promise<Moved> {
  const statement = statementOf(move, given([move]), true);
  const [row] = await runStatement<Moved>(tx, statement);
  if (row) return row;
  // It is not possible, or it was overtaken; under the lock nothing overtakes it.
  await runStatement(tx, Prisma.sql`SELECT 1 AS held FROM job WHERE id = ${move.job}::bigint FOR UPDATE`);
  const [again] = await runStatement<Moved>(tx, statement);
  return again ?? Promise.reject(await refusalOf(tx, move));
}

const ofKind = templates();

/** Moves of one kind that meet in this process share a statement and a commit. */
const carryOutAlone = gather<Move, Moved>({
  kind: ({ move, set = {}, events = [] }) =>
    `${move} ${columnsOf(set)
      .map(([name]) => name)
      .join()}${events.length > 0 ? " events" : ""}`,
  about: ({ job }) => String(job),
  run: async (db, moves, kind) => {
    const [first] = moves as [Move];
    const statement = ofKind(kind, (rows) => statementOf(first, rows, false));
    const rows = await runPlanned<Moved>(db, statement(given(moves)));
    const looked = moves.map(
      (move) =>
        rows.find((row) => row.id === move.job) ??
        db.$transaction((tx) => carryOut(tx, move)).catch((error: Error) => error),
    );
    return Promise.all(looked);
  },
});

/** Why nothing was moved. */
async function refusalOf(at: Db | Tx, { job: id, run, move }: Move): Promise<AppError> {
  const job = await at.job.findUnique({ where: { id }, select: { publicId: true, state: true, run: true } });
  if (!job) return new AppError("not_found", "There is no such job.");
  if (run !== undefined && run !== job.run)
    return new AppError("conflict", `${job.publicId} was begun anew; "${move}" was about run ${run}.`);
  return new AppError("conflict", `${job.publicId} is ${job.state}; "${move}" is not possible now.`);
}

/**
 * @param move one of those that are to be made: the same move, setting the same columns, with events or without
 * @param rows all of them as JSON, each of another job
 * @param whole whether to return the whole rows
 */
function statementOf({ move, set = {}, events = [] }: Move, rows: unknown, whole: boolean): Prisma.Sql {
  const { from, to: target }: { from: readonly JobState[]; to: JobState | "resume" } = TRANSITIONS[move];
  const to = target === "resume" ? Prisma.sql`old.resume_state` : nameOf(target);
  const ends = endsWork(target);
  const further = events.length > 0;
  const count = [
    Prisma.sql`1`,
    ...(ends ? [LEASE_EVENT_COUNT] : []),
    ...(further ? [Prisma.sql`jsonb_array_length(old.events)`] : []),
  ];
  const parts = [
    Prisma.sql`logged AS (
      INSERT INTO job_event (job_id, seq, run, type, data) ${Prisma.join(logOf(move, target, further), " UNION ALL ")})`,
    ...(ends ? [Prisma.sql`freed AS (${workerFreed(countedAs(target))})`] : []),
    ...engineEvent(move, target),
    ...tallyOfEnd(target),
    ...agentRunsEnd(target),
  ];
  return Prisma.sql`
    WITH old AS MATERIALIZED (
      -- By the key, one after the other and in the order given, whatever is thought of how many they are.
      SELECT j.*, g.actor, g.reason, g.events, g.set
      FROM jsonb_to_recordset(${rows}::jsonb)
          AS g(job bigint, run int, actor text, reason text, events jsonb, set jsonb)
        CROSS JOIN LATERAL (
          SELECT xmin AS version, id, state, resume_state, kind, priority, run, last_seq, queued_at, started_at,
            lease_until, ${LEASE_COLUMNS}
          FROM job WHERE id = g.job FOR UPDATE
        ) j
      -- Not one that was changed while it was waited for: all other rows are seen as they were before.
      WHERE j.version = (SELECT xmin FROM job WHERE id = g.job) AND j.state IN (${Prisma.join(from.map(nameOf))})
        AND COALESCE(g.run = j.run, true)
        ${target === "resume" ? Prisma.sql`AND j.resume_state IS NOT NULL` : Prisma.empty}
    ), moved AS (
      UPDATE job j SET state = ${to}, ${Prisma.join(changes(move, target, to, set))},
        last_seq = old.last_seq + ${Prisma.join(count, " + ")}
      FROM old WHERE j.id = old.id
      RETURNING ${whole ? Prisma.sql`j.*` : OF_MOVED}, old.state AS _was, old.lease_worker_id AS _held_by
    ), ${Prisma.join(parts)}
    SELECT ${whole ? Prisma.sql`*` : Prisma.sql`${MOVED}, _was, _held_by`} FROM moved`;
}

/** Written out: with a parameter in its place the statement would be planned anew each time. */
const nameOf = (state: JobState) => Prisma.raw(`'${state}'::job_state`);

/** As JSON, and in one order: those that lock several jobs must not meet the other way round. */
const given = (moves: readonly Move[]) =>
  JSON.stringify([...moves].sort((a, b) => (a.job < b.job ? -1 : 1)).map(givenOf));

/** The events of the move: the end of the lease, the move itself, and what the caller adds. */
function logOf(move: JobMove, target: JobState | "resume", further: boolean): Prisma.Sql[] {
  const ends = endsWork(target);
  const moved = ends ? Prisma.sql`old.last_seq + 1 + ${LEASE_EVENT_COUNT}` : Prisma.sql`old.last_seq + 1`;
  const from = Prisma.sql`FROM moved m JOIN old ON old.id = m.id`;
  return [
    ...(ends
      ? [
          Prisma.sql`SELECT m.id, old.last_seq + 1, m.run, 'lease.lost', ${leaseLost(`job is ${target}`)} ${from}
            WHERE old.lease_worker_id IS NOT NULL`,
        ]
      : []),
    Prisma.sql`SELECT m.id, ${moved}, m.run, 'job.moved', jsonb_build_object(
      'from', old.state, 'to', m.state, 'move', ${move}::text, 'actor', old.actor, 'reason', old.reason) ${from}`,
    ...(further
      ? [
          Prisma.sql`SELECT m.id, ${moved} + x.n, m.run, x.item->>'type', x.item->'data' ${from}
            CROSS JOIN LATERAL jsonb_array_elements(old.events) WITH ORDINALITY AS x(item, n)`,
        ]
      : []),
  ];
}

/** One move as the statement reads it. */
function givenOf({ job, run, actor, reason, set = {}, events = [] }: Move) {
  return {
    job: String(job),
    run: run ?? null,
    actor,
    reason: reason === undefined ? null : plainText(reason),
    events: mapText(events, plainText),
    set: Object.fromEntries(columnsOf(set)),
  };
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
