// Orders to a worker, carried out at its next heartbeat. An order never touches a job: a killed worker's lease
// ends as every lost lease does.
import { type Ctx, requireRole } from "../../context";
import { AppError } from "../../domain/errors";
import type { WorkerView } from "../../domain/outputs";
import { announceWorkers } from "./announce-workers";
import { getWorker } from "./get-worker";

/**
 * `drain`: finish the present job and claim nothing more. `none`: claim again after a drain. `kill`: drop it now and
 * leave, which cannot be taken back.
 */
export type WorkerOrder = "drain" | "none" | "kill";

/** @throws AppError `forbidden` (admins only), `not_found`, `conflict` (the worker is gone) */
export async function orderWorker({
  ctx,
  input,
  order,
}: {
  ctx: Ctx;
  input: { id: string };
  order: WorkerOrder;
}): Promise<WorkerView> {
  requireRole(ctx.actor, "admin");
  await getWorker({ ctx, input });
  await ctx.db.$transaction(async (tx) => {
    const { count } = await tx.worker.updateMany({
      where: {
        id: input.id,
        status: { not: "dead" },
        ...(order === "kill" ? {} : { order: { not: "kill" } }),
      },
      data: { order },
    });
    if (count === 0) throw new AppError("conflict", `Worker ${input.id} is gone or is being killed.`);
    await announceWorkers(tx);
  });
  return getWorker({ ctx, input });
}
