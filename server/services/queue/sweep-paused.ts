import { type Db, runStatement } from "../../db";
import { Prisma } from "../../generated/prisma/client";
import { moveJob } from "../jobs/move-job";

/**
 * Lets jobs go on whose pause is over by the database's clock. Each row is locked and looked at again, so two
 * processes at once resume a job once.
 * @returns how many go on
 */
export async function sweepPaused(db: Db): Promise<number> {
  for (let resumed = 0; ; resumed++) {
    const found = await db.$transaction(async (tx) => {
      const [due] = await runStatement<{ id: bigint }>(
        tx,
        Prisma.sql`
          SELECT id FROM job WHERE wake_at <= now() AND state = 'paused'
          ORDER BY wake_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
      );
      if (!due) return false;
      await moveJob(tx, { job: due.id, move: "resume", actor: "factory", reason: "the wait is over" });
      return true;
    });
    if (!found) return resumed;
  }
}
