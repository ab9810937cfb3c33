import { runStatement, type Tx } from "../../db";
import { HEAD_RANK } from "../../domain/priority";
import { type Job, Prisma } from "../../generated/prisma/client";
import { queueLimits } from "../limits/queue-limits";
import { announceClaimable } from "./announce-claimable";
import { lockClaims } from "./claim-lock";
import { endLease } from "./end-lease";

/**
 * A job that came into another lane by a move takes no place that the lane has not: its lease ends, and it waits at
 * the head of its new lane. Its work is committed already, for what it needs next is a fresh sandbox.
 * @param job the row after the move
 * @returns whether the lease was ended
 */
export async function leaveFullLane(tx: Tx, job: Job): Promise<boolean> {
  const limit = queueLimits().lanes[job.lane];
  if (limit === undefined || job.leaseWorkerId === null) return false;
  await lockClaims(tx);
  const [held] = await runStatement<{ others: number }>(
    tx,
    Prisma.sql`
      SELECT count(*)::int AS others FROM job
      WHERE lease_worker_id IS NOT NULL AND lane = ${job.lane}::lane AND id <> ${job.id}::bigint`,
  );
  if (!held || held.others < limit) return false;
  await endLease(tx, job, `the lane ${job.lane} is full`);
  await tx.job.update({ where: { id: job.id }, data: { claimable: true, rank: HEAD_RANK } });
  await announceClaimable(tx);
  return true;
}
