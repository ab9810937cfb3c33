import { type Ctx, requireRole } from "../../context";
import { AppError } from "../../domain/errors";
import { SETTLED } from "../../domain/job-state";
import type { Job } from "../../generated/prisma/client";
import { findJob } from "./find-job";
import { moveJob } from "./move-job";

/**
 * Cancels a job and its unsettled children. Its worker destroys the sandbox at the next word from the server.
 * @throws AppError `not_found`, `conflict` (settled already, or delivery has begun)
 */
export async function cancelJob({ ctx, input }: { ctx: Ctx; input: { id: string } }): Promise<Job> {
  requireRole(ctx.actor, "member");
  const found = await findJob(ctx, input.id);
  const actor = `person:${ctx.actor.username}`;
  return ctx.db.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${found.id} FOR UPDATE`;
    const job = await tx.job.findUniqueOrThrow({ where: { id: found.id } });
    if (job.deliveryBegan && job.state === "approved") {
      throw new AppError("conflict", `${job.publicId} is being delivered; it can no longer be cancelled.`);
    }
    const cancelled = await moveJob(tx, { job: job.id, move: "cancel", actor });
    const children = await tx.job.findMany({
      where: { parentId: job.id, state: { notIn: [...SETTLED] } },
      orderBy: { id: "asc" },
    });
    for (const child of children)
      await moveJob(tx, { job: child.id, move: "cancel", actor, reason: "parent cancelled" });
    return cancelled;
  });
}
