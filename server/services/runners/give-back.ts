import type { Db } from "../../db";
import { appendEvents } from "../../events/append";
import { endLease } from "../queue/end-lease";
import { holdLease } from "../queue/held-lease";
import { redact } from "../redact";

/** How long a job that a worker could not even begin stays away from the queue, in seconds. */
const PAUSE_SECONDS = 5;

/**
 * A worker gives its job back because it has no sandbox for it. The job becomes claimable again a little later,
 * so that a broken host does not spin.
 * @throws AppError as holdLease
 */
export async function giveBack(
  db: Db,
  {
    worker,
    job: publicId,
    fence,
    code: named,
    message: said,
  }: { worker: string; job: string; fence: number; code: string; message: string },
): Promise<void> {
  // It may carry what a program has printed.
  const [code, message] = [redact(named), redact(said)];
  await db.$transaction(async (tx) => {
    const { id } = await holdLease(tx, worker, publicId, fence);
    const job = await tx.job.findUniqueOrThrow({ where: { id } });
    await appendEvents(tx, job.id, [
      { type: "job.note", data: { text: `${worker} gave the job back: ${code}: ${message}` } },
    ]);
    await endLease(tx, job, `given back: ${code}`);
    // The lease sweep makes it claimable when this pretended lease of nobody runs out.
    await tx.$executeRaw`
      UPDATE job SET waiting_reason = ${`no sandbox on ${worker}: ${message}`.slice(0, 500)}, claimable = false,
        lease_worker_id = NULL, lease_until = now() + make_interval(secs => ${PAUSE_SECONDS}::float8)
      WHERE id = ${job.id}`;
  });
}
