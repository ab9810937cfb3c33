import type { Ctx } from "../../context";
import { AppError } from "../../domain/errors";
import type { Job } from "../../generated/prisma/client";

/**
 * A job of the actor's own team by its public id.
 * @throws AppError `not_found`, also for another team's job: its existence is nobody else's business
 */
export async function findJob(ctx: Ctx, publicId: string): Promise<Job> {
  const job = await ctx.db.job.findFirst({ where: { publicId, teamId: ctx.actor.teamId } });
  if (!job) throw new AppError("not_found", `There is no job ${publicId} in this team.`);
  return job;
}
