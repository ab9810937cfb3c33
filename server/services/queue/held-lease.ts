// Every write of a worker names its lease; this is where the fence is looked at.
import type { Db, Tx } from "../../db";
import { AppError } from "../../domain/errors";

/** What the writes of a worker need of its job; the whole row is wide, and there are many writes. */
export interface HeldJob {
  id: bigint;
  publicId: string;
  run: number;
  headCommit: string | null;
}

/**
 * Locks the job of a lease.
 * @param publicId public job id as the worker sent it
 * @throws AppError `not_found` (never this worker's), `stale_fence` (an older lease), `lease_over` (nobody's or another's now)
 */
export async function holdLease(tx: Tx, worker: string, publicId: string, fence: number): Promise<HeldJob> {
  const rows = await tx.$queryRaw<
    {
      id: bigint;
      run: number;
      head: string | null;
      lease_worker_id: string | null;
      fence: number;
      last: string | null;
    }[]
  >`
    SELECT id, run, head_commit AS head, lease_worker_id, fence, last_worker_id AS last FROM job WHERE public_id = ${publicId} FOR UPDATE`;
  const row = rows[0];
  if (!row) throw new AppError("not_found", `There is no job ${publicId}.`);
  if (row.lease_worker_id !== worker) {
    if (row.last !== worker && !(await everHeld(tx, row.id, worker))) {
      throw new AppError("not_found", `There is no job ${publicId} of this worker.`);
    }
    throw new AppError("lease_over", `The lease on ${publicId} is over; destroy the sandbox.`);
  }
  if (row.fence !== fence) throw new AppError("stale_fence", `Fence ${fence} of ${publicId} is stale.`);
  return { id: row.id, publicId, run: row.run, headCommit: row.head };
}

/**
 * Says why a statement that names a lease found nothing.
 * @throws AppError as holdLease; nothing when the lease holds
 */
export async function requireLease(db: Db, worker: string, publicId: string, fence: number): Promise<void> {
  await db.$transaction((tx) => holdLease(tx, worker, publicId, fence));
}

/** Asked only before a refusal, so that the log may be as long as it likes. */
async function everHeld(tx: Tx, job: bigint, worker: string): Promise<boolean> {
  const rows = await tx.$queryRaw<unknown[]>`
    SELECT 1 FROM job_event
    WHERE job_id = ${job} AND type = 'lease.claimed' AND data->>'worker_id' = ${worker} LIMIT 1`;
  return rows.length > 0;
}
