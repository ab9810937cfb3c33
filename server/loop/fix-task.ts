// Step "fix": the fixer gets the whole failing output; each round leaves a line in the heal log.
import { firstMessage } from "../agents/first-message";
import { startAgentRun } from "../agents/start-agent-run";
import type { Db } from "../db";
import { GiveUp } from "../domain/step-outcome";
import { taskProgress } from "../domain/steps";
import { appendEvents } from "../events/append";
import { activeJob } from "../services/jobs/active-job";
import { setStep } from "../services/jobs/set-step";
import { failureText } from "./check-task";
import { type TaskRef, taskOf } from "./work-on-task";
import { workspaceFiles, workspaceText } from "./workspace-files";

const fixerKey = (n: number, round: number) => `task-${n}/fix-${round}`;

/**
 * Begins fix round `round` (from 1) of a task whose checks are red.
 * @throws GiveUp when the rounds are used up
 */
export async function beginFix(db: Db, ref: TaskRef, round: number): Promise<{ agent: string }> {
  const job = await activeJob(db, ref);
  const { text, failing } = await failureText(db, job, ref.n, round - 1);
  if (round > job.maxFixes) {
    throw new GiveUp(
      "out_of_fixes",
      `Task ${ref.n} is still red after ${job.maxFixes} fixes: ${failing}. The last commit is kept.`,
    );
  }
  await setStep(db, job, {
    step: "fix",
    progress: taskProgress(ref.n, ref.of, "fix"),
    task: ref.n,
  });
  const { done: _, ...task } = await taskOf(db, job, ref);
  const [spec, { paths }] = await Promise.all([workspaceText(job, "SPEC.md"), workspaceFiles(job)]);
  const first = firstMessage(job, {
    spec,
    task,
    files: paths,
    failure: text,
    attempt: { n: round, max: job.maxFixes },
  });
  const key = fixerKey(ref.n, round);
  await startAgentRun(db, { job, key, role: "fixer", first, task: ref.n });
  return { agent: key };
}

/** Writes the heal log entry of a finished round and counts the fix. */
export async function logFix(db: Db, ref: TaskRef, round: number, green: boolean): Promise<{ logged: true }> {
  const job = await activeJob(db, ref);
  const { failing } = await failureText(db, job, ref.n, round - 1);
  const agentRun = await db.agentRun.findUniqueOrThrow({
    where: { jobId_run_key: { jobId: job.id, run: job.run, key: fixerKey(ref.n, round) } },
  });
  const result = (agentRun.result ?? {}) as { root_cause?: string; files_changed?: string[] };
  await db.$transaction(async (tx) => {
    const { count } = await tx.task.updateMany({
      where: { jobId: job.id, run: job.run, n: ref.n, fixes: round - 1 },
      data: { fixes: round },
    });
    if (count === 0) return;
    await appendEvents(tx, job.id, [
      {
        type: "heal.logged",
        data: {
          n: round,
          max: job.maxFixes,
          failing,
          root_cause: result.root_cause ?? "not said",
          files_changed: result.files_changed ?? [],
          result: green ? "green" : "still red",
        },
      },
    ]);
  });
  return { logged: true };
}
