// Parts of statements that end a lease: the job's columns, the worker's row and the event, the same wherever a lease
// ends. `old` is the job as it was locked; `fence + 1` refuses whatever the former holder still sends.
import { Prisma } from "../../generated/prisma/client";

/** What a statement must select as `old` for the parts below. */
export const LEASE_COLUMNS = Prisma.sql`fence, lease_worker_id, leased_since, leased_ms`;

/** Milliseconds under a lease by the database's clock, the present lease included. */
export const LEASED_MS_NOW = Prisma.sql`
  (old.leased_ms + COALESCE(extract(epoch FROM now() - old.leased_since) * 1000, 0)::bigint)`;

/** Columns of a job whose lease ends, if it has one. */
export const LEASE_ENDED = Prisma.sql`
  lease_worker_id = NULL, lease_until = NULL, leased_since = NULL, leased_ms = ${LEASED_MS_NOW},
  fence = old.fence + CASE WHEN old.lease_worker_id IS NULL THEN 0 ELSE 1 END`;

/** How many events LEASE_EVENT adds. */
export const LEASE_EVENT_COUNT = Prisma.sql`(CASE WHEN old.lease_worker_id IS NULL THEN 0 ELSE 1 END)`;

/** What the event of the end says. */
export const leaseLost = (reason: string): Prisma.Sql => Prisma.sql`jsonb_build_object(
  'worker_id', old.lease_worker_id, 'fence', old.fence, 'reason', ${reason}::text)`;

/**
 * A data-modifying part that frees the worker of `old`.
 * @param counts whether the job is counted for the worker, and as what
 */
export const workerFreed = (counts: "completed" | "failed" | null): Prisma.Sql => {
  const completed = counts === "completed" ? 1 : 0;
  const failed = counts === "failed" ? 1 : 0;
  return Prisma.sql`
    UPDATE worker w SET current_job_id = NULL,
      status = CASE WHEN w.status = 'busy' THEN 'idle'::worker_status ELSE w.status END,
      jobs_completed = w.jobs_completed + ${completed}::int, jobs_failed = w.jobs_failed + ${failed}::int,
      total_job_ms = w.total_job_ms + CASE WHEN ${completed + failed}::int > 0 THEN ${LEASED_MS_NOW} ELSE 0 END
    FROM old WHERE w.id = old.lease_worker_id AND w.current_job_id = old.id`;
};
