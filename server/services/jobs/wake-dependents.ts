// When a job settles, the jobs that wait for it either become claimable or say why they cannot.
import type { Tx } from "../../db";
import type { JobState } from "../../domain/job-state";
import { announceClaimable } from "../queue/announce-claimable";

/**
 * Looks at every pending job that depends on `settled`.
 * @param settled internal id of the job that has just been settled as `state`
 */
export async function wakeDependents(tx: Tx, settled: bigint, state: JobState): Promise<void> {
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
