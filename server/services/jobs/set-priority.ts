import { type Ctx, requireRole } from "../../context";
import { AppError } from "../../domain/errors";
import { isSettled } from "../../domain/job-state";
import { HEAD_RANK, type Priority, rankOf } from "../../domain/priority";
import { appendEvents } from "../../events/append";
import type { Job } from "../../generated/prisma/client";
import { refuseAlone } from "../candidates/refuse-alone";
import { findJob } from "./find-job";

/**
 * Changes the priority of a job, and with it its place in the queue while it has not begun.
 * @throws AppError `not_found`, `conflict` (settled)
 */
export async function setPriority({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: { id: string; priority: Priority };
}): Promise<Job> {
  requireRole(ctx.actor, "member");
  const { id } = await findJob(ctx, input.id);
  return ctx.db.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${id} FOR UPDATE`;
    const job = await tx.job.findUniqueOrThrow({ where: { id } });
    await refuseAlone(tx, job, "set the priority of");
    if (isSettled(job.state))
      throw new AppError("conflict", `${job.publicId} is ${job.state}; it waits for nothing.`);
    const ranked = rankOf(input.priority, job.queuedAt ?? job.createdAt);
    const begun = job.rank === HEAD_RANK || job.state !== "pending";
    const rank = begun ? job.rank : ranked;
    // Candidates that have not begun stand at their parent's place.
    if (job.candidates > 1)
      await tx.job.updateMany({
        where: { parentId: id, parentRun: job.run, candidateN: { not: null }, state: "pending" },
        data: { priority: input.priority, rank: ranked },
      });
    const changed = await tx.job.update({ where: { id }, data: { priority: input.priority, rank } });
    await appendEvents(tx, id, [
      { type: "job.priority", data: { priority: input.priority, actor: `person:${ctx.actor.username}` } },
    ]);
    return changed;
  });
}
