// A task is ticked off only by us, and only when its checks are green.
import { writeCommand } from "../agents/tools";
import { type Db, runStatement } from "../db";
import { tickTasks } from "../domain/checklist";
import { workKind } from "../domain/job-kind";
import { specFile } from "../domain/spec-file";
import { taskProgress } from "../domain/steps";
import { ANNOUNCED, appending } from "../events/append";
import { Prisma } from "../generated/prisma/client";
import { activeJob } from "../services/jobs/active-job";
import { stepChange } from "../services/jobs/set-step";
import { workspaceText } from "../services/workspace/workspace-files";
import { writeAndCommit } from "./run-programs";
import { type TaskRef, taskOf } from "./task-ref";

/** Ticks the task off in SPEC.md and in the database. */
export async function tickTask(db: Db, ref: TaskRef): Promise<{ done: true }> {
  const job = await activeJob(db, ref);
  const [task, spec] = await Promise.all([taskOf(db, job, ref), workspaceText(job, specFile(workKind(job)))]);
  // A merge stands in no plan.
  if (spec && ref.n <= ref.of) {
    await writeAndCommit(db, job, {
      write: {
        key: `task-${ref.n}/tick`,
        spec: writeCommand(specFile(workKind(job)), tickTasks(spec, ref.n)),
      },
      commit: { key: `task-${ref.n}/commit`, message: `Task ${ref.n} of ${ref.of} is done` },
    });
  }
  const done = { n: ref.n, fixes: task.fixes };
  const step = stepChange(job, {
    step: "test",
    progress: taskProgress(ref.n + 1, ref.of, "generate"),
    task: ref.n,
  });
  await runStatement(
    db,
    Prisma.sql`
    WITH ticked AS (
      UPDATE task SET done = true
      WHERE job_id = ${job.id} AND run = ${job.run}::int AND n = ${ref.n}::int AND NOT done RETURNING job_id
    ), ${appending(Prisma.sql`SELECT job_id FROM ticked`, [{ type: "task.done", data: done }, ...step.events], step.set)}
    ${ANNOUNCED}`,
  );
  return { done: true };
}
