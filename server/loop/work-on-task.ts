// Steps "generate" and "testgen": the coder and then the tester of one task, each with a fresh context.
import { firstMessage } from "../agents/first-message";
import type { AgentRole } from "../agents/roles/roles";
import { startAgentRun } from "../agents/start-agent-run";
import type { Db } from "../db";
import { GiveUp } from "../domain/step-outcome";
import { taskProgress } from "../domain/steps";
import { env } from "../env";
import type { Job } from "../generated/prisma/client";
import { activeJob, leasedMs } from "../services/jobs/active-job";
import { stepChange } from "../services/jobs/set-step";
import { learningsFor } from "../services/memory/learnings-for";
import { briefAgent } from "./brief-agent";
import { findingsOf } from "./debug-task";
import { holdOf } from "./hold-back";
import { type TaskRef, taskOf } from "./task-ref";

/**
 * Begins the coder or the tester.
 * @param again whether the first one was stuck, and a debugger has looked into it
 * @returns its key, or null when the task was done before
 */
export async function beginAgent(
  db: Db,
  ref: TaskRef,
  role: Extract<AgentRole, "coder" | "tester">,
  again = false,
): Promise<{ agent: string | null }> {
  const job = await activeJob(db, ref);
  const { done, fixes: _, ...task } = await taskOf(db, job, ref);
  if (done) return { agent: null };
  refuseLate(job);
  const step = role === "coder" ? "generate" : "testgen";
  const isTester = role === "tester";
  const [{ brief, ignored }, findings] = await Promise.all([
    briefAgent(db, job, { notes: !isTester }),
    again ? findingsOf(db, job, ref.n) : {},
  ]);
  const hold = isTester ? holdOf(job) : undefined;
  const key = `task-${ref.n}/${role}${again ? "-again" : ""}`;
  const learnings = await learningsFor(db, job, { agentRun: key, task: task.title });
  await startAgentRun(db, {
    job,
    key,
    role,
    first: firstMessage(job, { ...brief, task, ...findings, ...(hold && { hold }), learnings }),
    task: ref.n,
    attempt: again ? 2 : 1,
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
