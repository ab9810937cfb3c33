import { type Ctx, requireRole } from "../../context";
import type { JobMove } from "../../domain/job-state";
import type { Job } from "../../generated/prisma/client";
import { findJob } from "./find-job";
import { moveAlone } from "./move-job";

/**
 * A member of the team moves one of its jobs.
 * @throws AppError `forbidden`, `not_found`, `conflict` (not possible from its present state)
 */
export async function moveByPerson(ctx: Ctx, publicId: string, move: JobMove): Promise<Job> {
  requireRole(ctx.actor, "member");
  const { id: job } = await findJob(ctx, publicId);
  const actor = `person:${ctx.actor.username}`;
  await moveAlone(ctx.db, { job, move, actor });
  return ctx.db.job.findUniqueOrThrow({ where: { id: job } });
}
