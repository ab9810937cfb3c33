// The claim: one walk along the index of waiting jobs, one short transaction. It changes lease and fence only;
// the first claim of a run also moves the job to running and starts its engine run through the outbox.
import { setTimeout as delay } from "node:timers/promises";
import type { Db, Tx } from "../../db";
import { appendEvents } from "../../events/append";
import type { Job } from "../../generated/prisma/client";
import { FINISHED_CHANNEL } from "../commands/report-commands";
import { moveJob } from "../jobs/move-job";
import { addToOutbox } from "../outbox/add-to-outbox";
import { announceWorkers } from "../workers/announce-workers";

/** A row that is being written at this moment is skipped; it is looked at again so often, in so many milliseconds. */
const LOOKS = 5;
const LOOK_AGAIN_MS = 20;

/**
 * Gives the worker the first claimable job.
 * @param leaseSeconds how long the lease lasts without a heartbeat
 * @returns the job under its new fence, or null when nothing is claimable
 */
export async function claimJob(db: Db, worker: string, leaseSeconds: number): Promise<Job | null> {
  for (let look = 1; ; look++) {
    const job = await claimOnce(db, worker, leaseSeconds);
    // Nobody announces the end of a lock: without a second look the job would lie until the next poll.
    if (job || look === LOOKS || !(await somethingWaits(db, worker))) return job;
    await delay(LOOK_AGAIN_MS * look);
  }
}

async function somethingWaits(db: Db, worker: string): Promise<boolean> {
  const rows = await db.$queryRaw<unknown[]>`
    SELECT 1 FROM job WHERE claimable AND EXISTS (SELECT 1 FROM worker WHERE id = ${worker} AND "order" = 'none')
    LIMIT 1`;
  return rows.length > 0;
}

async function claimOnce(db: Db, worker: string, leaseSeconds: number): Promise<Job | null> {
  return db.$transaction(async (tx) => {
    const taken = await tx.$queryRaw<{ id: bigint }[]>`
      UPDATE job SET fence = fence + 1, lease_worker_id = ${worker}, last_worker_id = ${worker}, claimable = false,
        waiting_reason = NULL, leased_since = now(), lease_until = now() + make_interval(secs => ${leaseSeconds}::float8)
      WHERE id = (SELECT id FROM job WHERE claimable ORDER BY rank, id FOR UPDATE SKIP LOCKED LIMIT 1)
        AND EXISTS (SELECT 1 FROM worker WHERE id = ${worker} AND "order" = 'none')
      RETURNING id`;
    const id = taken[0]?.id;
    if (id === undefined) return null;
    const job = await tx.job.findUniqueOrThrow({ where: { id } });
    await tx.worker.update({ where: { id: worker }, data: { status: "busy", currentJobId: id } });
    await takeOverCommands(tx, job);
    await appendEvents(tx, id, [{ type: "lease.claimed", data: { worker_id: worker, fence: job.fence } }]);
    await announceWorkers(tx);
    if (job.state !== "pending") return job;
    const moved = await moveJob(tx, { job: id, move: "first_claim", actor: `worker:${worker}` });
    await addToOutbox(
      tx,
      "job/started",
      { job: job.publicId, run: job.run },
      `started:${job.publicId}:${job.run}`,
    );
    return moved;
  });
}

/**
 * What the former holder had begun: a command of the job is queued again, one that is bound to the lost sandbox is
 * lost, and whoever waits for it is told.
 */
async function takeOverCommands(tx: Tx, job: Job): Promise<void> {
  const changed = await tx.$queryRaw<{ id: string; pinned: boolean; awaited: boolean }[]>`
    UPDATE command SET state = CASE WHEN pinned THEN 'lost'::command_state ELSE 'queued'::command_state END,
      fence = NULL, worker_id = NULL, next_chunk = 0
    WHERE job_id = ${job.id} AND (state = 'running' OR (state = 'queued' AND pinned))
    RETURNING id, pinned, awaited`;
  for (const command of changed.filter((one) => one.pinned)) {
    await tx.$queryRaw`SELECT pg_notify(${FINISHED_CHANNEL}, ${command.id})::text`;
    if (command.awaited) {
      await addToOutbox(
        tx,
        "command/finished",
        { job: job.publicId, command: command.id },
        `lost:${command.id}`,
      );
    }
  }
}
