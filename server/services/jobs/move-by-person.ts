import { type Ctx, requireRole } from "../../context";
import type { JobMove } from "../../domain/job-state";
import type { Job } from "../../generated/prisma/client";
import { refuseAlone } from "../candidates/refuse-alone";
import { findJob } from "./find-job";
import { moveAlone } from "./move-job";

/**
 * A member of the team moves one of its jobs.
 * @throws AppError `forbidden`, `not_found`, `conflict` (not possible from its present state)
 */
export async function moveByPerson(ctx: Ctx, publicId: string, move: JobMove): Promise<Job> {
  requireRole(ctx.actor, "member");
  const found = await findJob(ctx, publicId);
  await refuseAlone(ctx.db, found, move);
  const job = found.id;
  const actor = `person:${ctx.actor.username}`;
  await moveAlone(ctx.db, { job, move, actor });
  return ctx.db.job.findUniqueOrThrow({ where: { id: job } });
}
