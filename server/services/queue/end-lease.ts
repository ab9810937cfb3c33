// Ends a lease without touching the job's state (invariant 2). The fence rises, so whatever the former holder
// still sends is refused; what it had begun goes back to the queue of commands.
import type { Tx } from "../../db";
import type { JobState } from "../../domain/job-state";
import { appendEvents } from "../../events/append";
import type { Job } from "../../generated/prisma/client";
import { COMMAND_CHANNEL } from "../commands/enqueue-command";
import { announceWorkers } from "../workers/announce-workers";

/**
 * Takes the lease away, if there is one, and frees its worker.
 * @param job the row as read and locked by the caller
 * @param settledAs when the job is settled by the same transaction: counted for the worker
 */
export async function endLease(
  tx: Tx,
  job: Job,
  reason: string,
  settledAs: JobState | null = null,
): Promise<void> {
  if (!job.leaseWorkerId) return;
  await tx.$executeRaw`
    UPDATE job SET lease_worker_id = NULL, lease_until = NULL, leased_since = NULL, fence = fence + 1,
      leased_ms = leased_ms + COALESCE(extract(epoch FROM now() - leased_since) * 1000, 0)::bigint
    WHERE id = ${job.id}`;
  const completed = settledAs === "completed" ? 1 : 0;
  const failed = settledAs === "failed" ? 1 : 0;
  await tx.$executeRaw`
    UPDATE worker SET current_job_id = NULL,
      status = CASE WHEN status = 'busy' THEN 'idle'::worker_status ELSE status END,
      jobs_completed = jobs_completed + ${completed}, jobs_failed = jobs_failed + ${failed},
      total_job_ms = total_job_ms + CASE WHEN ${completed + failed} > 0
        THEN ${job.leasedMs}::bigint + COALESCE(extract(epoch FROM now() - ${job.leasedSince}::timestamptz) * 1000, 0)::bigint
        ELSE 0 END
    WHERE id = ${job.leaseWorkerId} AND current_job_id = ${job.id}`;
  await appendEvents(tx, job.id, [
    { type: "lease.lost", data: { worker_id: job.leaseWorkerId, fence: job.fence, reason } },
  ]);
  // Its poll for commands hears at once that the lease is over.
  await tx.$queryRaw`SELECT pg_notify(${COMMAND_CHANNEL}, ${job.publicId})::text`;
  await announceWorkers(tx);
}
