import { type Ctx, requireRole } from "../../context";
import type { Tx } from "../../db";
import { AppError } from "../../domain/errors";
import { isSettled } from "../../domain/job-state";
import { toMicro, toUsd } from "../../domain/money";
import { appendEvents } from "../../events/append";
import type { Job } from "../../generated/prisma/client";
import { findJob } from "./find-job";
import { moveJob } from "./move-job";

/**
 * Sets a job's cap. It cannot be set below what is spent and reserved already. What is below the job and had paused at
 * the cap goes on; the job itself stays paused until it is resumed, here or later.
 * @throws AppError `not_found`, `conflict` (settled; or it draws on another job's cap), `unprocessable` (below what is spent)
 */
export async function setBudget({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: { id: string; budget_usd: number; resume?: boolean };
}): Promise<Job> {
  requireRole(ctx.actor, "member");
  const { id, rootId, publicId } = await findJob(ctx, input.id);
  if (rootId !== null && rootId !== id) {
    const root = await ctx.db.job.findUniqueOrThrow({ where: { id: rootId } });
    throw new AppError("conflict", `${publicId} draws on the budget of ${root.publicId}; set that one's.`);
  }
  const actor = `person:${ctx.actor.username}`;
  return ctx.db.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${id} FOR UPDATE`;
    const job = await tx.job.findUniqueOrThrow({ where: { id } });
    if (isSettled(job.state))
      throw new AppError("conflict", `${job.publicId} is ${job.state}; it spends nothing more.`);
    const cap = toMicro(input.budget_usd);
    const bound = job.spentMicroUsd + job.reservedMicroUsd;
    if (cap < bound) {
      throw new AppError(
        "unprocessable",
        `budget_usd: $${toUsd(bound)} are spent or reserved already; the cap must be at least that.`,
      );
    }
    const changed = await tx.job.update({ where: { id }, data: { budgetMicroUsd: cap } });
    await appendEvents(tx, id, [{ type: "job.budget", data: { budget_usd: toUsd(cap), actor } }]);
    const waiting = await atTheCap(tx, job, input.resume ?? false);
    for (const one of waiting)
      await moveJob(tx, { job: one.id, move: "resume", actor, reason: "the budget was raised" });
    return waiting.some((one) => one.id === id) ? tx.job.findUniqueOrThrow({ where: { id } }) : changed;
  });
}

/** The jobs under this cap that it had stopped, oldest first, so that all lock in one order. */
function atTheCap(tx: Tx, { id }: Job, itself: boolean): Promise<Pick<Job, "id">[]> {
  return tx.job.findMany({
    where: { rootId: id, state: "paused", waitingCode: "budget", ...(itself ? {} : { id: { not: id } }) },
    orderBy: { id: "asc" },
    select: { id: true },
  });
}
