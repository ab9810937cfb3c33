import type { Ctx } from "../../context";
import { AppError } from "../../domain/errors";
import type { JobView } from "../../domain/outputs";
import { JOB_VIEW_PARTS, toJobView } from "./job-view";

/**
 * One job of the actor's team.
 * @throws AppError `not_found`
 */
export async function getJob({ ctx, input }: { ctx: Ctx; input: { id: string } }): Promise<JobView> {
  const job = await ctx.db.job.findFirst({
    where: { publicId: input.id, teamId: ctx.actor.teamId },
    include: JOB_VIEW_PARTS,
  });
  if (!job) throw new AppError("not_found", `There is no job ${input.id} in this team.`);
  return toJobView(ctx.db, job);
}
