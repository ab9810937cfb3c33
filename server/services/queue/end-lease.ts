// Ends a lease without touching the job's state (invariant 2). The fence rises, so whatever the former holder
// still sends is refused; what it had begun goes back to the queue of commands.
import { runStatement, type Tx } from "../../db";
import { Prisma } from "../../generated/prisma/client";
import { COMMAND_CHANNEL } from "../commands/enqueue-command";
import { WORKERS_CHANNEL } from "../workers/announce-workers";
import { announce, logGrew, type Wakeup } from "./announce";
import { LEASE_COLUMNS, LEASE_ENDED, leaseLost, workerFreed } from "./lease-sql";

/** Tells a worker's poll for commands and the pages that a lease is over. */
export const leaseOver = (publicId: string): Wakeup[] => [
  { channel: COMMAND_CHANNEL, payload: publicId },
  { channel: WORKERS_CHANNEL, payload: "" },
];

/**
 * Takes the lease of a job away, if there is one, and frees its worker.
 * @param job internal id and public id
 */
export async function endLease(tx: Tx, job: { id: bigint; publicId: string }, reason: string): Promise<void> {
  const [ended] = await runStatement<{ last_seq: number; team_id: bigint }>(
    tx,
    Prisma.sql`
      WITH old AS MATERIALIZED (
        SELECT id, last_seq, ${LEASE_COLUMNS} FROM job
        WHERE id = ${job.id}::bigint AND lease_worker_id IS NOT NULL FOR UPDATE
      ), ended AS (
        UPDATE job j SET ${LEASE_ENDED}, last_seq = old.last_seq + 1 FROM old WHERE j.id = old.id
        RETURNING j.id, j.run, j.last_seq, j.team_id
      ), freed AS (${workerFreed(null)}), logged AS (
        INSERT INTO job_event (job_id, seq, run, type, data)
        SELECT e.id, e.last_seq, e.run, 'lease.lost', ${leaseLost(reason)} FROM ended e, old
      )
      SELECT last_seq, team_id FROM ended`,
  );
  if (!ended) return;
  const grew = logGrew({ id: job.id, lastSeq: ended.last_seq, teamId: ended.team_id });
  await announce(tx, [grew, ...leaseOver(job.publicId)]);
}
