import type { z } from "zod";
import type { Ctx } from "../../context";
import { PLAN_DECISIONS, type PlanDecision, type plansView } from "../../domain/steering";
import type { PlanReview } from "../../generated/prisma/client";
import { findJob } from "../jobs/find-job";

/** Written only with values of the domain's list. */
export const decisionOf = (review: PlanReview): PlanDecision | null =>
  PLAN_DECISIONS.find((decision) => decision === review.decision) ?? null;

/**
 * The versions of a job's plan that people were asked to read, oldest first, with what was decided.
 * @throws AppError `not_found`
 */
export async function listPlans({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: { id: string };
}): Promise<z.infer<typeof plansView>> {
  const job = await findJob(ctx, input.id);
  const rows = await ctx.db.planReview.findMany({
    where: { jobId: job.id },
    orderBy: [{ run: "asc" }, { version: "asc" }],
  });
  const last = rows.at(-1);
  const waits = last && last.run === job.run && job.waitingCode === "plan" && job.state === "paused";
  return {
    waits: waits && last.decision === null ? last.version : null,
    versions: rows.map((row) => ({
      run: row.run,
      version: row.version,
      spec: row.spec,
      written_at: row.writtenAt.toISOString(),
      decision: decisionOf(row),
      decided_by: row.decidedBy,
      decided_at: row.decidedAt?.toISOString() ?? null,
      remarks: row.remarks,
      edited_spec: row.editedSpec,
    })),
  };
}
