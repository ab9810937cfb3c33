import type { Ctx } from "../../context";
import type { WorkerView } from "../../domain/outputs";
import { toWorkerViews } from "./worker-view";

/** Days after which a dead worker is no longer shown. */
const SHOW_DEAD_DAYS = 1;

/** All workers of the installation, in the order of their runners and slots. */
export async function listWorkers({ ctx: { db, actor } }: { ctx: Ctx }): Promise<{ workers: WorkerView[] }> {
  const since = new Date(Date.now() - SHOW_DEAD_DAYS * 86_400_000);
  const workers = await db.worker.findMany({
    where: { OR: [{ status: { not: "dead" } }, { heartbeatAt: { gt: since } }] },
    include: { runner: true },
    orderBy: [{ runnerId: "asc" }, { slot: "asc" }],
  });
  return { workers: await toWorkerViews(db, actor.teamId, workers) };
}
