import { type Ctx, requireRole } from "../../context";
import type { Job } from "../../generated/prisma/client";
import { findJob } from "./find-job";
import { moveJob } from "./move-job";

/**
 * Lets a paused job go on where it was, at the head of the queue.
 * @throws AppError `not_found`, `conflict` (not possible from its present state)
 */
export async function resumeJob({ ctx, input }: { ctx: Ctx; input: { id: string } }): Promise<Job> {
  requireRole(ctx.actor, "member");
  const { id: job } = await findJob(ctx, input.id);
  return ctx.db.$transaction((tx) =>
    moveJob(tx, { job, move: "resume", actor: `person:${ctx.actor.username}` }),
  );
}
