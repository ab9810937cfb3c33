import type { HeartbeatAnswer, HeartbeatRequest } from "../../../runner/protocol";
import { type Db, runStatement } from "../../db";
import { AppError } from "../../domain/errors";
import { EXECUTING } from "../../domain/job-state";
import { plainText } from "../../domain/plain-json";
import { env } from "../../env";
import { Prisma, type Worker } from "../../generated/prisma/client";
import { renewLocks } from "../locks/renew-locks";
import { holdLease } from "../queue/held-lease";
import { announceWorkers } from "../workers/announce-workers";

/**
 * Renews a worker's lease and the files of its job, by the database's clock, and tells it what people ordered.
 * @returns `cancel` when the job of its lease was stopped or paused
 * @throws AppError as holdLease; `lease_over` also when the lease ran out and nobody has taken it yet
 */
export async function heartbeat(db: Db, worker: Worker, request: HeartbeatRequest): Promise<HeartbeatAnswer> {
  const trouble = request.trouble === undefined ? null : plainText(request.trouble);
  await db.$executeRaw`
    UPDATE worker SET heartbeat_at = now(), trouble = ${trouble}, status = CASE
      WHEN current_job_id IS NOT NULL AND status = 'busy' THEN status
      WHEN ${trouble}::text IS NOT NULL THEN 'error'::worker_status
      WHEN status IN ('dead', 'error') THEN 'idle'::worker_status
      ELSE status END
    WHERE id = ${worker.id}`;
  if (worker.status === "dead" || worker.trouble !== trouble)
    await db.$transaction((tx) => announceWorkers(tx));
  if (worker.order === "kill") return { action: "kill" };
  if (request.lease) {
    const [renewed] = await runStatement<{ root: bigint; project_id: bigint | null }>(
      db,
      Prisma.sql`
        UPDATE job SET lease_until = now() + make_interval(secs => ${env().LEASE_SECONDS}::float8)
        WHERE public_id = ${request.lease.job_id} AND lease_worker_id = ${worker.id}
          AND fence = ${request.lease.fence}::int AND lease_until > now()
        RETURNING COALESCE(root_id, id) AS root, project_id`,
    );
    if (!renewed) return refuseLease(db, worker.id, request.lease);
    if (renewed.project_id !== null) await renewLocks(db, renewed.root);
  }
  return { action: worker.order === "drain" ? "drain" : "none" };
}

/** Why a lease was not renewed. */
async function refuseLease(
  db: Db,
  worker: string,
  { job_id: publicId, fence }: NonNullable<HeartbeatRequest["lease"]>,
): Promise<HeartbeatAnswer> {
  const job = await db.job.findUnique({ where: { publicId } });
  if (job && job.lastWorkerId === worker && !EXECUTING[job.state]) return { action: "cancel" };
  await db.$transaction((tx) => holdLease(tx, worker, publicId, fence));
  throw new AppError("lease_over", `The lease on ${publicId} ran out; destroy the sandbox.`);
}
