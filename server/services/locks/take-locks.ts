// Files at the claim: a job gets all that it declared or none, so two jobs cannot wait for each other. Which of two
// that were claimed at once goes on is decided under the project's lock; the other goes back to its place.
import { type Db, runStatement, type Tx } from "../../db";
import { HEAD_RANK } from "../../domain/priority";
import { filesWait } from "../../domain/waiting";
import { Prisma } from "../../generated/prisma/client";
import { endLease } from "../queue/end-lease";
import { type FileNeed, fileNeeds } from "./file-waits";
import { dropExpired, insertLocks, lockProject, readHeldOf } from "./project-locks";
import { holdBack } from "./refresh-waits";

export type Taken =
  | { taken: true }
  /** Another job, by its public id, holds a file; this one was set aside and has no lease any more. */
  | { taken: false; path: string; holder: string }
  /** The lease ended before the files were looked at: there is nothing to hand out. */
  | { taken: false; path: null; holder: null };

/**
 * Takes the files that a claimed job and its root have declared, or ends its lease. Called behind every claim of a
 * job of a project, before the worker is told of it; what is taken already is renewed. From then on other jobs that
 * need one of these files cannot be claimed.
 * @param claimed internal id of the job, and the fence that the claim gave it
 */
export function takeLocks(db: Db, claimed: { id: bigint; fence: number }): Promise<Taken> {
  return db.$transaction(async (tx) => {
    // Before the project's lock: whoever moves this job has its row and may then wait for the project.
    const [job] = await runStatement<{ id: bigint }>(
      tx,
      Prisma.sql`
        SELECT id FROM job WHERE id = ${claimed.id}::bigint AND fence = ${claimed.fence}::int
          AND lease_worker_id IS NOT NULL FOR UPDATE`,
    );
    if (!job) return { taken: false, path: null, holder: null };
    const [need] = await fileNeeds(tx, Prisma.sql`j.id = ${claimed.id}::bigint`);
    if (!need) return { taken: true };
    await lockProject(tx, need.project);
    await dropExpired(tx, need.project);
    const held = await readHeldOf(tx, need.project);
    const conflict = held.conflictOf(need.root, need.paths);
    if (conflict) {
      await setAside(tx, need, filesWait(conflict.holder, conflict.path).text);
      return { taken: false, path: conflict.path, holder: conflict.holder };
    }
    const { project, root, paths } = need;
    await insertLocks(tx, { project, root, paths, declared: true });
    await holdBack(tx, project, await readHeldOf(tx, project));
    return { taken: true };
  });
}

/** Ends the lease of a job that has not got its files. It has begun, so it waits at the head of the queue. */
async function setAside(tx: Tx, job: FileNeed, reason: string): Promise<void> {
  await endLease(tx, job, reason);
  await runStatement(
    tx,
    Prisma.sql`
      UPDATE job SET claimable = false, waiting_code = 'files', waiting_reason = ${reason}, rank = ${HEAD_RANK}::bigint
      WHERE id = ${job.id}::bigint`,
  );
}
