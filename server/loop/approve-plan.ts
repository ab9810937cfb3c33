// A plan that a person wants to read first. The job waits for the decision holding nothing (invariant 7); what was
// decided is found by job, run and version, so whoever asks again gets the same.
import type { Db } from "../db";
import { parseTasks } from "../domain/checklist";
import { AppError } from "../domain/errors";
import { NotYet } from "../domain/step-outcome";
import { appendEvents } from "../events/append";
import type { Job } from "../generated/prisma/client";
import { pauseForPlan } from "../services/jobs/pause-itself";

/**
 * What a person decided about this version of the plan.
 * @returns the plan that counts, which they may have edited, or null when they asked for changes
 * @throws NotYet `paused` until they have decided
 */
export async function decidedPlan(db: Db, job: Job, version: number, spec: string): Promise<string | null> {
  const review = await db.planReview.findUnique({
    where: { jobId_run_version: { jobId: job.id, run: job.run, version } },
  });
  if (review?.decision === "changes") return null;
  if (review?.decision === "approved") return review.editedSpec ?? review.spec;
  await ask(db, job, version, spec);
  throw new NotYet({ kind: "paused" });
}

async function ask(db: Db, job: Job, version: number, spec: string): Promise<void> {
  const tasks = parseTasks(spec).map(({ title }, i) => ({ n: i + 1, title }));
  try {
    await db.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${job.id} FOR UPDATE`;
      const made = await tx.$executeRaw`
        INSERT INTO plan_review (job_id, run, version, spec)
        VALUES (${job.id}, ${job.run}::int, ${version}::int, ${spec}) ON CONFLICT DO NOTHING`;
      if (made > 0)
        await appendEvents(tx, job.id, [{ type: "plan.written", data: { tasks, spec, version } }]);
      await pauseForPlan(tx, job);
    });
  } catch (error) {
    // It was stopped or paused meanwhile, which the next look will tell.
    if (!(error instanceof AppError && error.code === "conflict")) throw error;
  }
}

/** What the planner is given for version `version`: the plan before it, and everything that was asked of the planner. */
export async function sentBack(
  db: Db,
  job: Job,
  version: number,
): Promise<{ plan: string; remarks: string } | null> {
  const before = await db.planReview.findMany({
    where: { jobId: job.id, run: job.run, version: { lt: version } },
    orderBy: { version: "asc" },
  });
  const last = before.at(-1);
  if (!last) return null;
  const remarks = before.map((review) => `On version ${review.version}: ${review.remarks ?? ""}`);
  return { plan: last.spec, remarks: remarks.join("\n\n") };
}
