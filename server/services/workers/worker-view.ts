// The one place that turns a worker row into what the API shows. Workers serve all teams of an installation,
// so the job that one is busy with is named only to that job's team.
import type { Db } from "../../db";
import { EXTERNAL_AGENT, imageOf } from "../../domain/needs";
import type { WorkerView } from "../../domain/outputs";
import type { Prisma } from "../../generated/prisma/client";
import { getFactory } from "../factory/get-factory";

export type WorkerForView = Prisma.WorkerGetPayload<{ include: { runner: true } }>;

/** Views of the given workers for one team. */
export async function toWorkerViews(
  db: Db,
  teamId: bigint,
  workers: readonly WorkerForView[],
): Promise<WorkerView[]> {
  const ids = workers.flatMap(({ currentJobId }) => (currentJobId === null ? [] : [currentJobId]));
  const jobs = await db.job.findMany({
    where: { id: { in: ids }, teamId },
    select: { id: true, publicId: true },
  });
  const names = new Map(jobs.map((job) => [job.id, job.publicId]));
  const { provider, model } = getFactory();
  return workers.map((worker) => ({
    worker_id: worker.id,
    status: statusOf(worker),
    trouble: worker.status === "dead" ? null : worker.trouble,
    current_job_id: worker.currentJobId === null ? null : (names.get(worker.currentJobId) ?? null),
    model: `${provider}/${model}`,
    jobs_completed: worker.jobsCompleted,
    jobs_failed: worker.jobsFailed,
    avg_job_duration: averageSeconds(worker),
    runner: nameOf(worker.runner, workers),
    driver: worker.runner.driver,
    // Stored only after the runner protocol's schema accepted them.
    probe: worker.runner.probe as WorkerView["probe"],
    programs: worker.runner.programs as WorkerView["programs"],
    images: worker.offers.flatMap((offer) => imageOf(offer) ?? []),
    agent: worker.offers.includes(EXTERNAL_AGENT) ? ("external" as const) : ("factory" as const),
    heartbeat_at: worker.heartbeatAt.toISOString(),
  }));
}

/** Its name, which the page groups by; with the id behind it where another host has the same. */
function nameOf({ id, name }: WorkerForView["runner"], workers: readonly WorkerForView[]): string {
  return workers.some(({ runner }) => runner.name === name && runner.id !== id) ? `${name} (${id})` : name;
}

/** An order given but not yet carried out already shows. */
function statusOf({ status, order }: WorkerForView): WorkerView["status"] {
  return status !== "dead" && order !== "none" ? "draining" : status;
}

function averageSeconds({ jobsCompleted, jobsFailed, totalJobMs }: WorkerForView): number | null {
  const jobs = jobsCompleted + jobsFailed;
  return jobs === 0 ? null : Number(totalJobMs) / jobs / 1000;
}
