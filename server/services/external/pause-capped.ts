// A job without money for another answer pauses only when its agent's work is in: the host is told (402), sends what it
// has, and with that the job pauses. A host that sends nothing is not waited for for long.
import { type Db, runStatement, type Tx } from "../../db";
import { AppError } from "../../domain/errors";
import { type Job, Prisma } from "../../generated/prisma/client";
import { pauseForBudget } from "../jobs/pause-itself";

/** So long a host may take to send its work, in seconds. */
export const LAST_WORK_SECONDS = 30;

/** Notes under a lease that there is no money left. @param job as it was when money was asked for */
export async function noteCap(db: Db, job: Pick<Job, "id" | "fence">, reason: string): Promise<void> {
  await db.$executeRaw`
    INSERT INTO external_lease (job_id, fence, capped_at, cap_reason)
    VALUES (${job.id}, ${job.fence}::int, now(), ${reason})
    ON CONFLICT (job_id, fence) DO UPDATE SET capped_at = COALESCE(external_lease.capped_at, now()), cap_reason = excluded.cap_reason`;
}

/** Pauses a job that has been told so, now that its work is in. @param job held by the caller */
export async function pauseCapped(tx: Tx, job: Pick<Job, "id" | "fence">): Promise<boolean> {
  const [row] = await runStatement<{ reason: string | null }>(
    tx,
    Prisma.sql`
      UPDATE external_lease SET capped_at = NULL
      WHERE job_id = ${job.id}::bigint AND fence = ${job.fence}::int AND capped_at IS NOT NULL
      RETURNING cap_reason AS reason`,
  );
  if (!row) return false;
  await pauseForBudget(tx, job, row.reason ?? "The budget is used up.");
  return true;
}

/** Pauses those whose hosts have sent nothing in time. @returns how many */
export async function sweepCapped(db: Db, seconds: number = LAST_WORK_SECONDS): Promise<number> {
  const late = await runStatement<{ id: bigint; fence: number }>(
    db,
    Prisma.sql`
      SELECT l.job_id AS id, l.fence FROM external_lease l JOIN job j ON j.id = l.job_id
      WHERE l.capped_at < now() - make_interval(secs => ${seconds}::float8)
        AND j.fence = l.fence AND j.state = 'running' LIMIT 100`,
  );
  for (const job of late) {
    try {
      await db.$transaction((tx) => pauseCapped(tx, job));
    } catch (error) {
      // It was moved between the two statements, which is just as well.
      if (!(error instanceof AppError && error.code === "conflict")) throw error;
    }
  }
  return late.length;
}
