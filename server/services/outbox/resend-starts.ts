// Jobs that no engine run works for (invariant 2): never taken, or taken by one that is lost.
import { type Db, runStatement } from "../../db";
import { Prisma } from "../../generated/prisma/client";
import { addToOutbox } from "./add-to-outbox";

/** How long a claimed job may be without an engine run before its start is sent again, in seconds. */
const PATIENCE_SECONDS = 30;
/** Longest silence of a live engine run that has something to do: it looks at a command's row every 15 minutes. */
const SILENCE_SECONDS = 20 * 60;

/**
 * Sends `job/started` again for jobs that no engine run has taken, or whose engine run has been silent for too long.
 * Taking is a compare-and-set, so one start too many has no effect.
 */
export async function resendStarts(db: Db, silenceSeconds: number = SILENCE_SECONDS): Promise<number> {
  const [untaken, silent] = await Promise.all([findUntaken(db), findSilent(db, silenceSeconds)]);
  for (const { public_id: job, run, after, stamp } of [...untaken, ...silent]) {
    const data = after === null ? { job, run } : { job, run, after };
    const id = after === null ? `started:${job}:${run}:${stamp}` : `started:${job}:${run}:${after}:${stamp}`;
    await db.$transaction((tx) => addToOutbox(tx, "job/started", data, id));
  }
  return untaken.length + silent.length;
}

interface Lost {
  public_id: string;
  run: number;
  /** The engine run that had it. */
  after: string | null;
  /** One start a minute. */
  stamp: string;
}

const STAMP = Prisma.sql`to_char(date_trunc('minute', now()), 'YYYYMMDDHH24MI') AS stamp`;

function findUntaken(db: Db): Promise<Lost[]> {
  return runStatement(
    db,
    Prisma.sql`
      SELECT j.public_id, j.run, NULL AS after, ${STAMP} FROM job j
      WHERE j.state IN ('running', 'validating', 'approved') AND j.engine_run_id IS NULL
        AND EXISTS (SELECT 1 FROM outbox o WHERE o.id = 'started:' || j.public_id || ':' || j.run
          AND o.sent_at < now() - make_interval(secs => ${PATIENCE_SECONDS}::float8))
      LIMIT 100`,
  );
}

/**
 * Under a lease an engine run has always something to do. Whatever it does leaves a trace: an event in the log, a
 * command that is not over, a reservation for a model call. Where none of these is, no step is being carried out, so
 * that a new engine run may begin; should the old one only have slept, its next step finds that it is over.
 */
function findSilent(db: Db, seconds: number): Promise<Lost[]> {
  return runStatement(
    db,
    Prisma.sql`
      SELECT j.public_id, j.run, j.engine_run_id AS after, ${STAMP} FROM job j
      JOIN job_event e ON e.job_id = j.id AND e.seq = j.last_seq
      WHERE j.lease_worker_id IS NOT NULL AND j.engine_run_id IS NOT NULL
        AND j.state IN ('running', 'validating', 'approved')
        -- An external agent may think for as long as it likes; once it has its files, the engine has nothing to do.
        AND NOT (j.needs = 'agent' AND j.state = 'running' AND j.head_commit IS NOT NULL)
        AND e.at < now() - make_interval(secs => ${seconds}::float8)
        AND NOT EXISTS (SELECT 1 FROM command c
          WHERE c.job_id = j.id AND c.run = j.run AND c.state IN ('queued', 'running'))
        AND NOT EXISTS (SELECT 1 FROM spend s
          WHERE s.job_id = j.id AND s.run = j.run AND s.state = 'reserved' AND s.deadline > now())
      LIMIT 100`,
  );
}
