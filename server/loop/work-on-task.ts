// Steps "generate" and "testgen": the coder and then the tester of one task, each with a fresh context.
import { firstMessage } from "../agents/first-message";
import type { AgentRole } from "../agents/roles/roles";
import { startAgentRun } from "../agents/start-agent-run";
import type { Db } from "../db";
import { workKind } from "../domain/job-kind";
import { specFile } from "../domain/spec-file";
import { Ended, GiveUp } from "../domain/step-outcome";
import { taskProgress } from "../domain/steps";
import { env } from "../env";
import type { Job } from "../generated/prisma/client";
import { activeJob, leasedMs, type RunRef } from "../services/jobs/active-job";
import { stepChange } from "../services/jobs/set-step";
import { workspaceText } from "../services/workspace/workspace-files";
import { agentFiles } from "./agent-files";

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

/** Begins the coder or the tester. @returns its key, or null when the task was done before */
export async function beginAgent(
  db: Db,
  ref: TaskRef,
  role: Extract<AgentRole, "coder" | "tester">,
): Promise<{ agent: string | null }> {
  const job = await activeJob(db, ref);
  const { done, fixes: _, ...task } = await taskOf(db, job, ref);
  if (done) return { agent: null };
  refuseLate(job);
  const step = role === "coder" ? "generate" : "testgen";
  const [spec, { files, ignored, folder }] = await Promise.all([
    workspaceText(job, specFile(workKind(job))),
    agentFiles(db, job),
  ]);
  const key = `task-${ref.n}/${role}`;
  await startAgentRun(db, {
    job,
    key,
    role,
    first: firstMessage(job, { spec, task, files, folder }),
    task: ref.n,
    ignored,
    step: stepChange(job, { step, progress: taskProgress(ref.n, ref.of, step), task: ref.n }),
  });
  return { agent: key };
}

/** After the soft limit nothing new is begun: what is committed is kept. */
function refuseLate(job: Job): void {
  if (leasedMs(job) > env().JOB_SOFT_TIMEOUT * 1000) {
    throw new GiveUp(
      "timeout",
      `The job reached its soft limit of ${env().JOB_SOFT_TIMEOUT} s; the last commit is kept.`,
    );
  }
}
