import { type Ctx, requireRole } from "../../context";
import type { Job } from "../../generated/prisma/client";
import { findJob } from "./find-job";
import { moveJob } from "./move-job";

/**
 * Pauses a job after the last thing that was stored; its worker is free for others.
 * @throws AppError `not_found`, `conflict` (not possible from its present state)
 */
export async function pauseJob({ ctx, input }: { ctx: Ctx; input: { id: string } }): Promise<Job> {
  requireRole(ctx.actor, "member");
  const { id: job } = await findJob(ctx, input.id);
  return ctx.db.$transaction((tx) =>
    moveJob(tx, { job, move: "pause", actor: `person:${ctx.actor.username}` }),
  );
}
