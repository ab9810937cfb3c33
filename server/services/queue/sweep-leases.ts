// Leases that ran out and workers that fell silent. Safe to run in several processes at once: every row is locked
// and looked at again. Database clock only.
import type { Db } from "../../db";
import { EXECUTING } from "../../domain/job-state";
import { HEAD_RANK } from "../../domain/priority";
import { announceWorkers } from "../workers/announce-workers";
import { announceClaimable } from "./announce-claimable";
import { endLease } from "./end-lease";

/**
 * Makes jobs of lost workers claimable at the head of the queue and marks silent workers dead.
 * @returns how many leases were taken back
 */
export async function sweepLeases(db: Db, deadSeconds: number): Promise<number> {
  let lost = 0;
  for (;;) {
    const freed = await db.$transaction(async (tx) => {
      const rows = await tx.$queryRaw<{ id: bigint }[]>`
        SELECT id FROM job WHERE lease_until < now()
        ORDER BY lease_until LIMIT 1 FOR UPDATE SKIP LOCKED`;
      const id = rows[0]?.id;
      if (id === undefined) return false;
      await freeJob(tx, id, "no heartbeat");
      return true;
    });
    if (!freed) break;
    lost++;
  }
  const dead = await db.$executeRaw`
    UPDATE worker SET status = 'dead', current_job_id = NULL
    WHERE status <> 'dead' AND heartbeat_at < now() - make_interval(secs => ${deadSeconds}::float8)`;
  if (dead > 0) await db.$transaction((tx) => announceWorkers(tx));
  return lost;
}

/** Ends the lease on a job that is still to be done and puts it at the head of the queue. */
export async function freeJob(tx: Parameters<typeof endLease>[0], id: bigint, reason: string): Promise<void> {
  const job = await tx.job.findUniqueOrThrow({ where: { id } });
  await endLease(tx, job, reason);
  await tx.job.update({
    where: { id },
    data: { claimable: EXECUTING[job.state], rank: HEAD_RANK, leaseUntil: null },
  });
  await announceClaimable(tx);
}

/**
 * Frees what a worker still holds although it asks for something new: the answer to its last claim was lost.
 * A worker holds at most one lease (invariant 7).
 */
export async function freeForgotten(db: Db, worker: string): Promise<void> {
  await db.$transaction(async (tx) => {
    const held = await tx.$queryRaw<
      { id: bigint }[]
    >`SELECT id FROM job WHERE lease_worker_id = ${worker} FOR UPDATE`;
    for (const { id } of held) await freeJob(tx, id, "the worker asked for another job");
  });
}
