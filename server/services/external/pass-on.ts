// A job of an external agent goes from the factory to the agent and back: who is needed changes, the state need not. It is
// claimable at once, at the head of the queue.
import { runStatement, type Tx } from "../../db";
import { HEAD_RANK } from "../../domain/priority";
import { type Job, Prisma } from "../../generated/prisma/client";
import { announceClaimable } from "../queue/announce-claimable";
import { endLease } from "../queue/end-lease";

/**
 * Ends the lease of a job that is being worked on, and gives it to whoever offers `needs`. Whatever the factory had to
 * prepare is done with that.
 * @param job held by the caller
 */
export async function passOn(
  tx: Tx,
  job: Pick<Job, "id" | "publicId">,
  { needs, reason }: { needs: string; reason: string },
): Promise<void> {
  await endLease(tx, job, reason);
  await runStatement(
    tx,
    Prisma.sql`
      UPDATE job SET needs = ${needs}, prepares = false, claimable = true, rank = ${HEAD_RANK}::bigint, lease_until = NULL
      WHERE id = ${job.id}::bigint`,
  );
  await announceClaimable(tx);
}
