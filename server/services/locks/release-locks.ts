// The end of a job's hold on its files: when its whole tree has ended or rests, and nothing of it is on the way.
import { runStatement, type Tx } from "../../db";
import { Prisma } from "../../generated/prisma/client";
import { lockProject, readHeldOf } from "./project-locks";
import { holdBack, refreshFileWaits } from "./refresh-waits";

/**
 * Whether the tree of a root job is on the way: something of it is worked on or could be, or has just been decided on.
 * A job that waits for its correction is on the way as long as that one does not rest.
 * @param root expression for the internal id of the root job
 */
export const treeIsBusy = (root: Prisma.Sql): Prisma.Sql => Prisma.sql`
  EXISTS (
    WITH RECURSIVE tree AS (
      SELECT t.id, t.state FROM job t WHERE t.id = ${root}
      UNION ALL
      SELECT c.id, c.state FROM tree JOIN job c ON c.parent_id = tree.id
    )
    SELECT 1 FROM tree WHERE tree.state IN ('pending', 'running', 'validating', 'approved', 'rejected')
      OR (tree.state = 'correcting' AND NOT EXISTS (
        SELECT 1 FROM job c WHERE c.parent_id = tree.id AND c.state IN ('paused', 'escalated')))
  )`;

/**
 * Brings the files in order after a move of a job of a project, within the move's transaction: one that ended, was
 * paused or needs a person gives them up and whoever waited is woken; one that came back into the queue waits when
 * others hold what it needs.
 * Comes last in it: rows of other jobs must not be waited for under the project's lock.
 * @param job as the move left it
 * @returns whether the job was claimable and waits now
 */
export async function settleFiles(
  tx: Tx,
  job: { id: bigint; projectId: bigint | null; claimable: boolean },
): Promise<boolean> {
  if (job.projectId === null) return false;
  if (!job.claimable) {
    await releaseLocks(tx, { id: job.id, projectId: job.projectId });
    return false;
  }
  await lockProject(tx, job.projectId);
  return (await holdBack(tx, job.projectId, await readHeldOf(tx, job.projectId), job.id)) > 0;
}

/** Gives up what the job's tree holds, unless the tree is on the way. */
async function releaseLocks(tx: Tx, { id, projectId }: { id: bigint; projectId: bigint }): Promise<void> {
  const [rests] = await runStatement<{ root: bigint }>(
    tx,
    Prisma.sql`
      SELECT r.root FROM (SELECT COALESCE(root_id, id) AS root FROM job WHERE id = ${id}::bigint) r
      WHERE EXISTS (SELECT 1 FROM file_lock WHERE job_id = r.root) AND NOT ${treeIsBusy(Prisma.sql`r.root`)}`,
  );
  if (!rests) return;
  await lockProject(tx, projectId);
  await runStatement(tx, Prisma.sql`DELETE FROM file_lock WHERE job_id = ${rests.root}::bigint RETURNING id`);
  await refreshFileWaits(tx, projectId);
}
