// The claim: one statement, one commit. It walks the first entry of each open lane and changes lease and fence only;
// the first claim of a run also moves the job to running and starts its engine run through the outbox.
// A claim that a crash of the database takes back is an attempt of which nothing is left, so its commit is not waited for
// (adr 23).
import { setTimeout as delay } from "node:timers/promises";
import { type Db, runBehind, runStatement, type Tx } from "../../db";
import { ANY_RUNNER } from "../../domain/needs";
import { gather } from "../../gather";
import { type Job, Prisma } from "../../generated/prisma/client";
import { templates } from "../../template";
import { FINISHED_CHANNEL } from "../commands/report-commands";
import { toJob } from "../jobs/job-row";
import { FIRST_CLAIM } from "../jobs/move-columns";
import { leastLeases, type QueueLimits, queueLimits } from "../limits/queue-limits";
import { takeLocks } from "../locks/take-locks";
import { OUTBOX_CHANNEL } from "../outbox/add-to-outbox";
import { WORKERS_CHANNEL } from "../workers/announce-workers";
import { announceSoon, logGrew } from "./announce";
import type { Look as LineLook } from "./claim-line";
import { CLAIM_LOCK, lockClaims } from "./claim-lock";
import { gateOf } from "./gate";
import { HURRIED } from "./hurried";
import { TALLY_OF_CLAIM } from "./tally";

/** A row that is being written at this moment is skipped; it is looked at again so often, in so many milliseconds. */
const LOOKS = 5;
/** So many jobs at the head are looked at beyond those that are wanted, should others be taking them at this moment. */
const PASSED_OVER = 16;
const FEW_WORKERS = 8;
const FEW = FEW_WORKERS + PASSED_OVER;
const MANY = 96;
const LOOK_AGAIN_MS = 20;
const ONLY_RUNNER = [ANY_RUNNER];

/** What a worker and its answer need of the job, by the names of the columns: the whole row is wide. */
const COLUMNS =
  "id, public_id, team_id, project_id, title, state, lane, needs, run, fence, head_commit, last_seq, lease_worker_id";
const CLAIMED = Prisma.raw(COLUMNS.replace(/\w+/g, "j.$&"));
const CLAIMED_NAMES = Prisma.raw(COLUMNS.replace(/\w+/g, "c.$&"));

export type ClaimedJob = Pick<
  Job,
  | "id"
  | "publicId"
  | "teamId"
  | "projectId"
  | "title"
  | "state"
  | "lane"
  | "needs"
  | "run"
  | "fence"
  | "headCommit"
  | "lastSeq"
  | "leaseWorkerId"
>;

interface Look extends Record<string, unknown> {
  id: bigint | null;
  /** False: leases must be counted, one claim at a time. */
  _free: boolean;
  /** The workers that may hold a job, of those that asked. */
  _fit: string[] | null;
  /** Something could be claimed when the statement began. */
  _waits: boolean;
  _begun: boolean | null;
  /** Commands that were bound to the lost sandbox. */
  _lost: string[] | null;
}

/**
 * Gives the worker the first job that may be claimed.
 * @returns the job under its new fence, or null when there is none or the worker may not hold one; else as lookForJob
 */
export async function claimJob(
  db: Db,
  worker: string,
  leaseSeconds: number,
  limits: QueueLimits = queueLimits(),
  offers: readonly string[] = ONLY_RUNNER,
): Promise<ClaimedJob | null> {
  const found = await lookForJob(db, worker, leaseSeconds, limits, offers);
  return typeof found === "string" ? null : found.job;
}

/**
 * The same for a worker that waits in line, told why there was none.
 * @param leaseSeconds how long the lease lasts without a heartbeat
 * @param limits what keeps jobs waiting
 * @param offers what the worker can take, as jobs need it
 */
export async function lookForJob(
  db: Db,
  worker: string,
  leaseSeconds: number,
  limits: QueueLimits = queueLimits(),
  offers: readonly string[] = ONLY_RUNNER,
): Promise<LineLook<ClaimedJob>> {
  for (let look = 1; ; look++) {
    const row = await lookOnce(db, { worker, leaseSeconds, limits, offers });
    if (row.id) {
      const job = toJob(row);
      announceSoon(db, [
        logGrew(job),
        { channel: WORKERS_CHANNEL, payload: "" },
        ...(row._begun || row._lost?.length ? [{ channel: OUTBOX_CHANNEL, payload: "" }] : []),
        ...(row._lost ?? []).map((id) => ({ channel: FINISHED_CHANNEL, payload: id })),
      ]);
      if (job.projectId === null || (await takeLocks(db, job)).taken) return { job };
      // Another one was quicker: this job waits for its files, and the worker looks for the next.
      look = 0;
      continue;
    }
    if (!row._fit?.includes(worker)) return "unfit";
    // Nobody announces the end of a lock: without a second look the job would lie until the next poll.
    if (!row._waits || look === LOOKS) return "nothing";
    await delay(LOOK_AGAIN_MS * look);
  }
}

/** Without waiting for others where no limit can be reached; else one claim after the other, so that none is passed. */
async function lookOnce(db: Db, ask: Ask): Promise<Look> {
  if (ask.limits.cooldownSeconds === 0) {
    const look = await lookFreely(db, ask);
    if (look._free) return look;
  }
  return db.$transaction(async (tx: Tx) => {
    await lockClaims(tx);
    return lookOf(
      await runStatement<Look>(tx, claimStatement([ask.worker], ask, { counting: true, most: FEW })),
      ask,
    );
  });
}

/** What one worker asks for. */
interface Ask {
  worker: string;
  /** Seconds that the lease lasts without a heartbeat. */
  leaseSeconds: number;
  limits: QueueLimits;
  /** What the worker can take. */
  offers: readonly string[];
}

const ofKind = templates();

/**
 * Workers of one process that ask in the same moment share a statement; the best jobs go to them, one each. Not all of them,
 * and one statement after the other: those that go together come back together, and what is filed behind them, however
 * urgent, waits until they do.
 */
const lookFreely = gather<Ask, Look>({
  few: 3,
  atOnce: 1,
  kind: ({ leaseSeconds, limits, offers }) =>
    `${leaseSeconds} ${JSON.stringify(offers)} ${JSON.stringify(limits, (_, n) => (typeof n === "bigint" ? `${n}` : n))}`,
  about: ({ worker }) => worker,
  run: async (db, asks, kind) => {
    const most = asks.length <= FEW_WORKERS ? FEW : MANY;
    const statement = ofKind(`${most} ${kind}`, (workers) =>
      claimStatement(workers, asks[0] as Ask, { counting: false, most }),
    );
    const rows = await runBehind<Look>(db, statement(asks.map(({ worker }) => worker)));
    return asks.map((ask) => lookOf(rows, ask));
  },
});

/** What a statement for several gave one of them: every row says the same of the queue as a whole. */
function lookOf(rows: readonly Look[], { worker }: Ask): Look {
  const all = rows[0] as Look;
  return rows.find((row) => row.lease_worker_id === worker) ?? { ...all, id: null };
}

/**
 * A worker holds at most one lease, so a limit that is not below the number of workers cannot be reached. The shared
 * lock keeps such a claim and a counting one apart.
 */
function canBeFree(limits: QueueLimits, counting: boolean): Prisma.Sql {
  const least = leastLeases(limits);
  if (counting || least === null) return Prisma.sql`SELECT true AS ok`;
  return Prisma.sql`
    SELECT (SELECT count(*) FROM worker WHERE status <> 'dead') <= ${least}::int
      AND pg_try_advisory_xact_lock_shared(${CLAIM_LOCK}::bigint) AS ok`;
}

/**
 * @param workers their ids
 * @param how `counting`: one claim after the other, leases counted. `most`: how many jobs at the head are looked at
 */
export function claimStatement(
  workers: unknown,
  { leaseSeconds, limits, offers }: Omit<Ask, "worker">,
  how: { counting: boolean; most: number },
): Prisma.Sql {
  const { counting } = how;
  // Written out, because a plan for any number is made for a tenth of the whole queue; few texts, so that few are kept.
  const most = Prisma.raw(String(how.most));
  return Prisma.sql`
    WITH ${HURRIED}, slot AS MATERIALIZED (
      -- Locked, so that a worker that asks twice at the same moment gets one lease.
      SELECT array_agg(id) AS fit FROM (
        SELECT id FROM worker
        WHERE id = ANY(${workers}::text[]) AND "order" = 'none' AND status <> 'dead' AND current_job_id IS NULL
        ORDER BY id FOR UPDATE
      ) w
    ), free AS MATERIALIZED (${canBeFree(limits, counting)}),
    ${gateOf(limits, counting)},
    head AS MATERIALIZED (
      SELECT h.id FROM gate g CROSS JOIN LATERAL (${headsOf(offers, most)}) h
      WHERE g.closed IS NULL AND (SELECT ok FROM free) AND (SELECT fit FROM slot) IS NOT NULL
      ORDER BY h.rank, h.id LIMIT ${most}
    ), old AS MATERIALIZED (
      -- Kept, because a row that was taken already is passed over when it is looked at a second time.
      SELECT p.*, (SELECT fit FROM slot)[row_number() OVER ()] AS worker_id FROM head CROSS JOIN LATERAL (
        SELECT j.xmin AS version, j.id, j.state, j.started_at, j.last_seq FROM job j WHERE j.id = head.id AND j.claimable
        FOR UPDATE SKIP LOCKED
      ) p
      -- Not one that was changed since the statement began, which may have waited for a worker: its commands are seen as
      -- they were then. It is looked at again at once.
      WHERE p.version = (SELECT xmin FROM job WHERE id = p.id) LIMIT (SELECT cardinality(fit) FROM slot)
    ), claimed AS (
      UPDATE job j SET ${FIRST_CLAIM}, fence = j.fence + 1, lease_worker_id = old.worker_id, last_worker_id = old.worker_id,
        claimable = false, waiting_code = NULL, waiting_reason = NULL, leased_since = now(),
        lease_until = now() + make_interval(secs => ${leaseSeconds}::float8),
        last_seq = old.last_seq + CASE WHEN old.state = 'pending' THEN 2 ELSE 1 END
      FROM old WHERE j.id = old.id
      RETURNING ${CLAIMED}, queued_at, old.state = 'pending' AS _begun, old.last_seq AS _seq
    ), busy AS (
      UPDATE worker w SET status = 'busy', current_job_id = c.id FROM claimed c WHERE w.id = c.lease_worker_id
    ), logged AS (
      INSERT INTO job_event (job_id, seq, run, type, data)
      SELECT id, _seq + 1, run, 'lease.claimed', jsonb_build_object('worker_id', lease_worker_id, 'fence', fence)
      FROM claimed
      UNION ALL
      SELECT id, _seq + 2, run, 'job.moved', jsonb_build_object('from', 'pending', 'to', state, 'move', 'first_claim',
        'actor', 'worker:' || lease_worker_id, 'reason', NULL)
      FROM claimed WHERE _begun
    ), lost AS (${takeOverCommands()}),
    sent AS (
      INSERT INTO outbox (id, name, data)
      SELECT 'started:' || public_id || ':' || run, 'job/started', jsonb_build_object('job', public_id, 'run', run)
      FROM claimed WHERE _begun
      UNION ALL
      SELECT 'lost:' || l.id, 'command/finished', jsonb_build_object('job', c.public_id, 'command', l.id)
      FROM lost l JOIN claimed c ON c.id = l.job_id WHERE l.pinned AND l.awaited
      ON CONFLICT (id) DO NOTHING
    ), ${TALLY_OF_CLAIM}${clockOf(limits)}
    SELECT ${CLAIMED_NAMES}, _begun, (SELECT ok FROM free) AS _free, (SELECT fit FROM slot) AS _fit,
      EXISTS (SELECT 1 FROM head) AS _waits,
      (SELECT array_agg(l.id) FROM lost l WHERE l.pinned AND l.job_id = c.id) AS _lost
    FROM hurried LEFT JOIN claimed c ON true`;
}

/** The first jobs of a lane that a worker can take: those for any runner by one walk, those with a need by one each. */
function headsOf(offers: readonly string[], most: Prisma.Sql): Prisma.Sql {
  const inLane = Prisma.sql`j.claimable AND j.team_id = g.team_id AND j.lane = g.lane AND j.rank <= g.max_rank`;
  const inOrder = Prisma.sql`ORDER BY j.rank, j.id LIMIT ${most}`;
  // Written out, for only so are they the conditions of the two indexes.
  const common = Prisma.sql`SELECT j.rank, j.id FROM job j WHERE j.needs = 'runner' AND ${inLane} ${inOrder}`;
  const special = offers.filter((offer) => offer !== ANY_RUNNER);
  if (special.length === 0) return common;
  const wanted = Prisma.sql`
    SELECT s.rank, s.id FROM unnest(${special}::text[]) AS o(need) CROSS JOIN LATERAL (
      SELECT j.rank, j.id FROM job j WHERE j.needs <> 'runner' AND j.needs = o.need AND ${inLane} ${inOrder}
    ) s`;
  return offers.includes(ANY_RUNNER) ? Prisma.sql`(${common}) UNION ALL ${wanted}` : wanted;
}

/**
 * What the former holder had begun: a command of the job is queued again, one that is bound to the lost sandbox is
 * lost, and whoever waits for it is told.
 */
function takeOverCommands(): Prisma.Sql {
  return Prisma.sql`
    UPDATE command SET state = CASE WHEN pinned THEN 'lost'::command_state ELSE 'queued'::command_state END,
      fence = NULL, worker_id = NULL, next_chunk = 0, held_stdout = '', held_stderr = ''
    FROM claimed c WHERE command.job_id = c.id AND (command.state = 'running' OR (command.state = 'queued' AND pinned))
    RETURNING command.id, command.job_id, command.pinned, command.awaited`;
}

/** Notes when a job was begun, where a pause between two of them is wanted. */
function clockOf({ cooldownSeconds }: QueueLimits): Prisma.Sql {
  if (cooldownSeconds === 0) return Prisma.empty;
  return Prisma.sql`, clock AS (
    INSERT INTO queue_clock (id, first_claim_at) SELECT 1, clock_timestamp() FROM claimed WHERE _begun
    ON CONFLICT (id) DO UPDATE SET first_claim_at = excluded.first_claim_at)`;
}
