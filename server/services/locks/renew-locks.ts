import { type Db, runStatement } from "../../db";
import { env } from "../../env";
import { Prisma } from "../../generated/prisma/client";
import { newUntil } from "./project-locks";

/** A lock is renewed when so much of its time is over: not with every heartbeat. */
const RENEW_AFTER = 0.1;

/**
 * Keeps the files of a tree that is being worked on. What somebody drops at this moment is skipped.
 * @param root internal id of the root job
 */
export async function renewLocks(db: Db, root: bigint): Promise<void> {
  const left = env().FILE_LOCK_SECONDS * (1 - RENEW_AFTER);
  await runStatement(
    db,
    Prisma.sql`
      UPDATE file_lock SET until = ${newUntil()} WHERE id IN (
        SELECT id FROM file_lock WHERE job_id = ${root}::bigint
          AND until < now() + make_interval(secs => ${left}::float8)
        ORDER BY id FOR UPDATE SKIP LOCKED)`,
  );
}
