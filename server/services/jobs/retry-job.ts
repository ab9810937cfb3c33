import { type Ctx, requireRole } from "../../context";
import type { Job } from "../../generated/prisma/client";
import { findJob } from "./find-job";
import { moveJob } from "./move-job";

/**
 * Starts a failed or cancelled job again as its next run; what was committed is kept.
 * @throws AppError `not_found`, `conflict` (not possible from its present state)
 */
export async function retryJob({ ctx, input }: { ctx: Ctx; input: { id: string } }): Promise<Job> {
  requireRole(ctx.actor, "member");
  const { id: job } = await findJob(ctx, input.id);
  return ctx.db.$transaction((tx) =>
    moveJob(tx, { job, move: "retry", actor: `person:${ctx.actor.username}` }),
  );
}
