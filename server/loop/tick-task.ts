// A task is ticked off only by us, and only when its checks are green.
import { writeCommand } from "../agents/tools";
import type { Db } from "../db";
import { taskProgress } from "../domain/steps";
import { appendEvents } from "../events/append";
import { activeJob } from "../services/jobs/active-job";
import { setStep } from "../services/jobs/set-step";
import { writeAndCommit } from "./run-programs";
import { tickTasks } from "./spec";
import type { TaskRef } from "./work-on-task";
import { workspaceText } from "./workspace-files";

/** Ticks the task off in SPEC.md and in the database. */
export async function tickTask(db: Db, ref: TaskRef): Promise<{ done: true }> {
  const job = await activeJob(db, ref);
  const spec = await workspaceText(job, "SPEC.md");
  if (spec) {
    await writeAndCommit(db, job, {
      write: { key: `task-${ref.n}/tick`, spec: writeCommand("SPEC.md", tickTasks(spec, ref.n)) },
      commit: { key: `task-${ref.n}/commit`, message: `Task ${ref.n} of ${ref.of} is done` },
    });
  }
  await db.$transaction(async (tx) => {
    const { count } = await tx.task.updateMany({
      where: { jobId: job.id, run: job.run, n: ref.n, done: false },
      data: { done: true },
    });
    if (count === 0) return;
    const task = await tx.task.findUniqueOrThrow({
      where: { jobId_run_n: { jobId: job.id, run: job.run, n: ref.n } },
    });
    await appendEvents(tx, job.id, [{ type: "task.done", data: { n: ref.n, fixes: task.fixes } }]);
  });
  await setStep(db, job, {
    step: "test",
    progress: taskProgress(ref.n + 1, ref.of, "generate"),
    task: ref.n,
  });
  return { done: true };
}
