import type { Db } from "../../db";
import type { Step } from "../../domain/steps";
import { appendEvents } from "../../events/append";

/**
 * Notes that a step of the pipeline begins. Progress never falls; the same step told twice is logged once; a job that
 * was stopped meanwhile is left alone.
 * @param progress fraction of the whole job, 0 to 1
 */
export async function setStep(
  db: Db,
  job: { id: bigint; currentStep: string | null; progress: number; iterations: number },
  {
    step,
    progress,
    task = null,
    iteration = null,
  }: { step: Step; progress: number; task?: number | null; iteration?: number | null },
): Promise<void> {
  const reached = Math.max(job.progress, progress);
  const iterations = Math.max(job.iterations, iteration ?? 0);
  if (job.currentStep === step && job.progress === reached && job.iterations === iterations) return;
  await db.$transaction(async (tx) => {
    // The caller's row may be older than its own last step, so the event tells what the row says now.
    const [now] = await tx.$queryRaw<{ progress: number; iterations: number }[]>`
      UPDATE job SET current_step = ${step}, progress = greatest(progress, ${reached}::float8),
        iterations = greatest(iterations, ${iterations}::int) WHERE id = ${job.id} AND state IN ('running', 'validating', 'approved')
      RETURNING progress, iterations`;
    if (!now) return;
    await appendEvents(tx, job.id, [
      { type: "job.step", data: { step, task, progress: now.progress, iteration: now.iterations } },
    ]);
  });
}
