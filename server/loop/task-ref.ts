import type { Db } from "../db";
import { Ended } from "../domain/step-outcome";
import type { Job } from "../generated/prisma/client";
import type { RunRef } from "../services/jobs/active-job";

export interface TaskRef extends RunRef {
  /** Number of the task, from 1, and how many there are. */
  n: number;
  of: number;
}

/** Title and number of a task as agents get them. */
export async function taskOf(db: Db, job: Job, { n, of }: { n: number; of: number }) {
  const task = await db.task.findUnique({ where: { jobId_run_n: { jobId: job.id, run: job.run, n } } });
  if (!task) throw new Ended();
  return { n, of, title: task.title, done: task.done, fixes: task.fixes };
}
