import type { HeartbeatAnswer, HeartbeatRequest } from "../../../runner/protocol";
import type { Db } from "../../db";
import { env } from "../../env";
import type { Worker } from "../../generated/prisma/client";
import { announceWorkers } from "../workers/announce-workers";

/**
 * Renews a worker's lease, by the database's clock, and tells it what people ordered.
 * @returns `cancel` when the lease it names is no longer its own
 */
export async function heartbeat(db: Db, worker: Worker, request: HeartbeatRequest): Promise<HeartbeatAnswer> {
  const revived = worker.status === "dead";
  await db.$executeRaw`
    UPDATE worker SET heartbeat_at = now(),
      status = CASE WHEN status = 'dead' THEN 'idle'::worker_status ELSE status END
    WHERE id = ${worker.id}`;
  if (revived) await db.$transaction((tx) => announceWorkers(tx));
  if (worker.order === "kill") return { action: "kill" };
  if (request.lease) {
    const renewed = await db.$executeRaw`
      UPDATE job SET lease_until = now() + make_interval(secs => ${env().LEASE_SECONDS}::float8)
      WHERE public_id = ${request.lease.job_id} AND lease_worker_id = ${worker.id}
        AND fence = ${request.lease.fence} AND lease_until > now()`;
    if (renewed === 0) return { action: "cancel" };
  }
  return { action: worker.order === "drain" ? "drain" : "none" };
}
