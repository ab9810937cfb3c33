// Step "fix": the fixer gets the whole failing output; each round leaves a line in the heal log.
import { firstMessage } from "../agents/first-message";
import { startAgentRun } from "../agents/start-agent-run";
import { type Db, runStatement } from "../db";
import { workKind } from "../domain/job-kind";
import { specFile } from "../domain/spec-file";
import { GiveUp } from "../domain/step-outcome";
import { taskProgress } from "../domain/steps";
import { ANNOUNCED, appending } from "../events/append";
import { Prisma } from "../generated/prisma/client";
import { activeJob } from "../services/jobs/active-job";
import { stepChange } from "../services/jobs/set-step";
import { workspaceText } from "../services/workspace/workspace-files";
import { agentFiles } from "./agent-files";
import { failureText } from "./check-task";
import { type TaskRef, taskOf } from "./work-on-task";

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
  const { done: _, fixes: __, ...task } = await taskOf(db, job, ref);
  const [spec, { files, ignored, folder }] = await Promise.all([
    workspaceText(job, specFile(workKind(job))),
    agentFiles(db, job),
  ]);
  const first = firstMessage(job, {
    spec,
    task,
    files,
    folder,
    failure: text,
    attempt: { n: round, max: job.maxFixes },
  });
  const key = fixerKey(ref.n, round);
  const step = stepChange(job, {
    step: "fix",
    progress: taskProgress(ref.n, ref.of, "fix"),
    task: ref.n,
  });
  await startAgentRun(db, { job, key, role: "fixer", first, task: ref.n, step, ignored });
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
  const data = {
    n: round,
    max: job.maxFixes,
    failing,
    root_cause: result.root_cause ?? "not said",
    files_changed: result.files_changed ?? [],
    result: green ? ("green" as const) : ("still red" as const),
  };
  await runStatement(
    db,
    Prisma.sql`
    WITH counted_fix AS (
      UPDATE task SET fixes = ${round}::int
      WHERE job_id = ${job.id} AND run = ${job.run}::int AND n = ${ref.n}::int AND fixes = ${round - 1}::int
      RETURNING job_id
    ), ${appending(Prisma.sql`SELECT job_id FROM counted_fix`, [{ type: "heal.logged", data }])}
    ${ANNOUNCED}`,
  );
  return { logged: true };
}
