import { type Ctx, requireRole } from "../../context";
import type { Tx } from "../../db";
import { AppError } from "../../domain/errors";
import { isSettled } from "../../domain/job-state";
import type { Job } from "../../generated/prisma/client";
import { wakeParentOf } from "../candidates/wake-parent";
import { findJob } from "./find-job";
import { moveJob } from "./move-job";

/**
 * Cancels a job and everything unsettled below it. Its worker destroys the sandbox at the next word from the server.
 * @throws AppError `not_found`, `conflict` (settled already, or delivery has begun)
 */
export async function cancelJob({ ctx, input }: { ctx: Ctx; input: { id: string } }): Promise<Job> {
  requireRole(ctx.actor, "member");
  const { id } = await findJob(ctx, input.id);
  const cancelled = await ctx.db.$transaction((tx) =>
    cancelBranch(tx, id, `person:${ctx.actor.username}`, null),
  );
  await wakeParentOf(ctx.db, cancelled);
  return cancelled;
}

/** Parents before children, so that two cancellations lock in the same order. */
async function cancelBranch(tx: Tx, id: bigint, actor: string, reason: string | null): Promise<Job> {
  await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${id} FOR UPDATE`;
  const job = await tx.job.findUniqueOrThrow({ where: { id } });
  if (isBeingDelivered(job)) {
    throw new AppError("conflict", `${job.publicId} is being delivered; it can no longer be cancelled.`);
  }
  const cancelled = await moveJob(tx, { job: id, move: "cancel", actor, ...(reason ? { reason } : {}) });
  const children = await tx.job.findMany({ where: { parentId: id }, orderBy: { id: "asc" } });
  for (const child of children) {
    if (!isSettled(child.state)) await cancelBranch(tx, child.id, actor, "parent cancelled");
  }
  return cancelled;
}

/** Pausing in the middle of a delivery does not undo what was written. */
function isBeingDelivered({ deliveryBegan, state, resumeState }: Job): boolean {
  return deliveryBegan && (state === "approved" || (state === "paused" && resumeState === "approved"));
}
