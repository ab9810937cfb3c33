import { type Ctx, requireRole } from "../../context";
import { AppError } from "../../domain/errors";
import { isSettled } from "../../domain/job-state";
import { toMicro, toUsd } from "../../domain/money";
import { appendEvents } from "../../events/append";
import type { Job } from "../../generated/prisma/client";
import { findJob } from "./find-job";

/**
 * Sets a job's cap. It cannot be set below what is spent and reserved already. A paused job stays paused until resumed.
 * @throws AppError `not_found`, `conflict` (settled), `unprocessable` (below what is spent)
 */
export async function setBudget({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: { id: string; budget_usd: number };
}): Promise<Job> {
  requireRole(ctx.actor, "member");
  const { id } = await findJob(ctx, input.id);
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
    await appendEvents(tx, id, [
      { type: "job.budget", data: { budget_usd: toUsd(cap), actor: `person:${ctx.actor.username}` } },
    ]);
    return changed;
  });
}
