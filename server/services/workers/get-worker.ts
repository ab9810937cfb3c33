import type { Ctx } from "../../context";
import { AppError } from "../../domain/errors";
import type { WorkerView } from "../../domain/outputs";
import { toWorkerViews } from "./worker-view";

/** @throws AppError `not_found` */
export async function getWorker({
  ctx: { db, actor },
  input,
}: {
  ctx: Ctx;
  input: { id: string };
}): Promise<WorkerView> {
  const worker = await db.worker.findUnique({ where: { id: input.id }, include: { runner: true } });
  const [view] = worker ? await toWorkerViews(db, actor.teamId, [worker]) : [];
  if (!view) throw new AppError("not_found", `There is no worker ${input.id}.`);
  return view;
}
