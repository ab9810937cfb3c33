// What the factory does before an external agent may have a job, in a sandbox of an ordinary runner: the tester writes
// tests from the plan alone. Invariant: what is held back is stored, and gone from the workspace, before the job is lent.
import type { Db } from "../db";
import { EXTERNAL_AGENT } from "../domain/needs";
import { NotYet } from "../domain/step-outcome";
import { holdsBackFromExternal } from "../services/external/factory-prepares";
import { passOn } from "../services/external/pass-on";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { beginHeldBack } from "./hold-back";

/** Begins the tester of what is held back, where there is one who could write it. */
export async function beginExternalTests(db: Db, ref: RunRef): Promise<{ agent: string | null }> {
  const job = await activeJob(db, ref);
  return job.prepares && holdsBackFromExternal(job) ? beginHeldBack(db, ref) : { agent: null };
}

/** Gives the job to the external agents, once: plan and held-back tests are there. */
export async function lendToAgent(db: Db, ref: RunRef): Promise<{ lent: true }> {
  const { id } = await activeJob(db, ref);
  await db.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${id} FOR UPDATE`;
    const job = await tx.job.findUniqueOrThrow({ where: { id } });
    if (!job.prepares) return;
    // Paused or stopped since it was looked at: the next look tells.
    if (job.state !== "running" || job.run !== ref.run) throw new NotYet({ kind: "later", ms: 100 });
    await passOn(tx, job, { needs: EXTERNAL_AGENT, reason: "prepared; it is the external agent's now" });
  });
  return { lent: true };
}
