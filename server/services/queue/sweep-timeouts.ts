import type { Db } from "../../db";
import { AppError } from "../../domain/errors";
import { env } from "../../env";
import { wakeParentOf } from "../candidates/wake-parent";
import { moveAlone } from "../jobs/move-job";

/** Ends jobs that used up their working time, even when none of their steps comes to look. */
export async function sweepTimeouts(db: Db): Promise<number> {
  const limit = env().JOB_TIMEOUT;
  const late = await db.$queryRaw<{ id: bigint; run: number }[]>`
    SELECT id, run FROM job WHERE lease_until IS NOT NULL AND leased_since IS NOT NULL
      AND state IN ('running', 'validating', 'approved')
      AND leased_ms / 1000.0 + extract(epoch FROM now() - leased_since) > ${limit}::float8 LIMIT 100`;
  const message = `The job used up its ${limit} s of working time; the last commit is kept.`;
  for (const { id, run } of late) {
    try {
      const ended = await moveAlone(db, {
        job: id,
        run,
        move: "gave_up",
        actor: "factory",
        reason: message,
        set: { errorCode: "timeout", errorMessage: message },
      });
      await wakeParentOf(db, ended);
    } catch (error) {
      // It was settled or begun anew between the two statements, which is just as well.
      if (!(error instanceof AppError && error.code === "conflict")) throw error;
    }
  }
  return late.length;
}
