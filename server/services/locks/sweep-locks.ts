// Locks whose time is over or whose job has ended unseen, and jobs that wait for nothing any more. Safe in several
// processes at once: a project is looked at under its lock, by one at a time.
import { type Db, runStatement, type Tx } from "../../db";
import { Prisma } from "../../generated/prisma/client";
import { dropExpired, HOLDS, lockProject } from "./project-locks";
import { refreshFileWaits } from "./refresh-waits";
import { treeIsBusy } from "./release-locks";

/** @returns how many locks were dropped and jobs looked at with another result */
export async function sweepLocks(db: Db): Promise<number> {
  const due = await runStatement<{ project: bigint }>(
    db,
    Prisma.sql`
      SELECT l.project_id AS project FROM file_lock l
      WHERE NOT ${HOLDS} OR l.job_id IN (${restingHolders()})
      UNION SELECT project_id FROM job WHERE waiting_code = 'files' AND project_id IS NOT NULL
      ORDER BY project`,
  );
  let done = await freeHomeless(db);
  for (const { project } of due) {
    done += await db.$transaction(async (tx) => {
      await lockProject(tx, project);
      const dropped = (await dropExpired(tx, project)) + (await dropResting(tx, project));
      return dropped + (await refreshFileWaits(tx, project));
    });
  }
  return done;
}

/** Root jobs that hold files although nothing of them is on the way: a process died behind a move. */
function restingHolders(): Prisma.Sql {
  return Prisma.sql`
    SELECT h.job_id FROM (SELECT DISTINCT job_id FROM file_lock) h WHERE NOT ${treeIsBusy(Prisma.sql`h.job_id`)}`;
}

async function dropResting(tx: Tx, project: bigint): Promise<number> {
  const dropped = await runStatement(
    tx,
    Prisma.sql`
      DELETE FROM file_lock WHERE project_id = ${project}::bigint AND job_id IN (${restingHolders()}) RETURNING id`,
  );
  return dropped.length;
}

/** Their project was deleted while they waited for its files. */
async function freeHomeless(db: Db): Promise<number> {
  const freed = await runStatement(
    db,
    Prisma.sql`
      UPDATE job SET waiting_code = NULL, waiting_reason = NULL,
        claimable = state IN ('pending', 'running', 'validating', 'approved') AND lease_worker_id IS NULL
      WHERE waiting_code = 'files' AND project_id IS NULL RETURNING id`,
  );
  return freed.length;
}
