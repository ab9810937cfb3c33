// When a job settles, the jobs that wait for it either become claimable or say why they cannot.
import type { Tx } from "../../db";
import type { JobState } from "../../domain/job-state";
import { announceClaimable } from "../queue/announce-claimable";

/**
 * Looks at every pending job that depends on `settled`.
 * @param settled internal id of the job that has just been settled as `state`
 */
export async function wakeDependents(tx: Tx, settled: bigint, state: JobState): Promise<void> {
  // Locked first: of two dependencies that settle at once, the second sees here what the first has committed.
  await tx.$queryRaw`
    SELECT 1 FROM job WHERE id IN (SELECT job_id FROM job_dependency WHERE depends_on_id = ${settled})
    ORDER BY id FOR UPDATE`;
  if (state === "completed") {
    const woken = await tx.$executeRaw`
      UPDATE job j SET claimable = true, waiting_reason = NULL
      FROM job_dependency d
      WHERE d.depends_on_id = ${settled} AND d.job_id = j.id AND j.state = 'pending' AND j.lease_worker_id IS NULL
        AND NOT EXISTS (
          SELECT 1 FROM job_dependency o JOIN job dep ON dep.id = o.depends_on_id
          WHERE o.job_id = j.id AND dep.state <> 'completed')`;
    if (woken > 0) await announceClaimable(tx);
    return;
  }
  await tx.$executeRaw`
    UPDATE job j SET waiting_reason = 'waits for ' || s.public_id || ', which is ' || s.state
    FROM job_dependency d, job s
    WHERE d.depends_on_id = ${settled} AND s.id = ${settled} AND d.job_id = j.id AND j.state = 'pending'`;
}

/**
 * Why a job must not begin yet: a dependency that is not completed.
 * @param job internal id of a job that the caller has locked
 * @returns null when nothing stands in the way
 */
export async function openDependency(tx: Tx, job: bigint): Promise<string | null> {
  const [open] = await tx.$queryRaw<{ public_id: string; state: JobState }[]>`
    SELECT o.public_id, o.state::text AS state FROM job_dependency d JOIN job o ON o.id = d.depends_on_id
    WHERE d.job_id = ${job} AND o.state <> 'completed' ORDER BY o.id LIMIT 1`;
  return open ? `waits for ${open.public_id}, which is ${open.state}` : null;
}
