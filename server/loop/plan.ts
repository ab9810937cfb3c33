// Step "plan": from the request to SPEC.md and its list of tasks.
import { firstMessage } from "../agents/first-message";
import { startAgentRun } from "../agents/start-agent-run";
import { writeCommand } from "../agents/tools";
import type { Db } from "../db";
import { GiveUp } from "../domain/step-outcome";
import { PROGRESS } from "../domain/steps";
import { appendEvents } from "../events/append";
import type { Job } from "../generated/prisma/client";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { setStep } from "../services/jobs/set-step";
import { writeAndCommit } from "./run-programs";
import { MAX_TASKS, parseTasks } from "./spec";
import { workspaceText } from "./workspace-files";

export const PLANNER_KEY = "plan/planner";

/** Begins the planner, unless the request brings its own specification. */
export async function beginPlan(db: Db, ref: RunRef): Promise<{ agent: string | null }> {
  const job = await activeJob(db, ref);
  await setStep(db, job, { step: "plan", progress: PROGRESS.setup });
  if (job.spec && parseTasks(job.spec).length > 0) return { agent: null };
  const first = firstMessage(job, { spec: job.spec });
  await startAgentRun(db, { job, key: PLANNER_KEY, role: "planner", first, task: null });
  return { agent: PLANNER_KEY };
}

/** Puts SPEC.md into the workspace and its checklist into the database. */
export async function writePlan(db: Db, ref: RunRef): Promise<{ tasks: number }> {
  const job = await activeJob(db, ref);
  const spec = await plannedSpec(db, job);
  const tasks = parseTasks(spec);
  if (tasks.length === 0)
    throw new GiveUp("no_tasks", "The plan has no checklist; SPEC.md needs lines like “- [ ] task”.");
  if (tasks.length > MAX_TASKS)
    throw new GiveUp(
      "too_many_tasks",
      `The plan has ${tasks.length} tasks; at most ${MAX_TASKS} are possible.`,
    );
  await writeAndCommit(db, job, {
    write: { key: "plan/write", spec: writeCommand("SPEC.md", spec) },
    commit: { key: "plan/commit", message: "Write the plan" },
  });
  await db.$transaction(async (tx) => {
    const made = await tx.task.createMany({
      data: tasks.map((task, i) => ({ jobId: job.id, run: job.run, n: i + 1, ...task })),
      skipDuplicates: true,
    });
    if (made.count === 0) return;
    await appendEvents(tx, job.id, [
      {
        type: "plan.written",
        data: { tasks: tasks.map((task, i) => ({ n: i + 1, title: task.title })), spec },
      },
    ]);
  });
  await setStep(db, job, { step: "plan", progress: PROGRESS.planned });
  return { tasks: tasks.length };
}

async function plannedSpec(db: Db, job: Job): Promise<string> {
  const planned = await db.agentRun.findUnique({
    where: { jobId_run_key: { jobId: job.id, run: job.run, key: PLANNER_KEY } },
  });
  const spec =
    (planned?.result as { spec?: string } | null)?.spec ?? job.spec ?? (await workspaceText(job, "SPEC.md"));
  if (!spec) throw new GiveUp("no_plan", "The planner wrote no specification.");
  return spec;
}
