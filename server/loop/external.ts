// The part of a run that an external agent does. The app makes its workspace without a sandbox of its own, waits until
// the agent's host says that all is done, and goes on as with anybody's work.
import { type Db, runStatement } from "../db";
import { MAX_TASKS, parseTasks } from "../domain/checklist";
import { externalSpec } from "../domain/external-spec";
import { specFile } from "../domain/spec-file";
import { GiveUp, NotYet } from "../domain/step-outcome";
import { PROGRESS } from "../domain/steps";
import { ANNOUNCED, appending } from "../events/append";
import { type Job, Prisma } from "../generated/prisma/client";
import { externalWait } from "../services/external/end-external";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { setStep, stepChange } from "../services/jobs/set-step";
import { jobRepository } from "../services/workspace/job-repository";
import { workspaceText } from "../services/workspace/workspace-files";
import { commitFile } from "../workspaces/commit-file";
import { createRepository } from "../workspaces/repository";
import { takeBase } from "./begin-change";
import { configOf, projectOf } from "./change-project";
import { keepDependencies } from "./dependencies";
import { refillSandbox } from "./run-programs";

/** Gives an external agent its workspace: the base of a change, and SPEC.md. What is there already stays. */
export async function setUpExternal(db: Db, ref: RunRef): Promise<void> {
  const job = await activeJob(db, ref);
  if (job.state !== "running") return;
  if ((await db.task.count({ where: { jobId: job.id, run: job.run } })) > 0) return;
  await setStep(db, job, { step: "setup", progress: 0 });
  const dir = jobRepository(job.publicId);
  if (job.kind !== "change") await createRepository(dir);
  const begun =
    job.kind === "change" && job.baseRoot === null ? await takeBase(db, job, await projectOf(db, job)) : job;
  const path = specFile(begun.kind);
  const kept = await workspaceText(begun, path);
  const spec = externalSpec(begun, { mend: await lastFindings(db, begun), kept });
  const tasks = parseTasks(spec);
  if (tasks.length > MAX_TASKS)
    throw new GiveUp(
      "too_many_tasks",
      `The plan has ${tasks.length} tasks; at most ${MAX_TASKS} are possible.`,
    );
  const commit =
    spec === kept && begun.headCommit
      ? begun.headCommit
      : await commitFile(dir, { parent: begun.headCommit, path, text: spec, message: "Write the plan" });
  await storePlan(db, begun, { spec, tasks, commit });
}

/** Why the run before this one was rejected; null when it was not. */
async function lastFindings(db: Db, job: Job): Promise<string | null> {
  if (job.run === 1) return null;
  const verdict = await db.checkRun.findUnique({
    where: { jobId_run_key: { jobId: job.id, run: job.run - 1, key: "verify" } },
  });
  const { findings = [] } = (verdict?.report ?? {}) as { findings?: Record<string, string>[] };
  if (!verdict || verdict.passed || findings.length === 0) return null;
  return findings
    .map((found) => `${found.criterion}: expected ${found.expected}, found ${found.observed}`)
    .join("; ");
}

/** Head, checklist and what the log says of it, once: they say that the workspace is ready. */
async function storePlan(
  db: Db,
  job: Job,
  { spec, tasks, commit }: { spec: string; tasks: ReturnType<typeof parseTasks>; commit: string },
): Promise<void> {
  const rows = tasks.map((task, i) => ({ n: i + 1, ...task }));
  const data = { tasks: rows.map(({ n, title }) => ({ n, title })), spec };
  const step = stepChange(job, { step: "plan", progress: PROGRESS.planned });
  await runStatement(
    db,
    Prisma.sql`
    WITH held AS (
      SELECT id FROM job WHERE id = ${job.id} AND run = ${job.run}::int AND state = 'running'
        AND head_commit IS NOT DISTINCT FROM ${job.headCommit} FOR UPDATE
    ), made AS (
      INSERT INTO task (job_id, run, n, title, done)
      SELECT held.id, ${job.run}::int, t.n, t.title, t.done
      FROM held, jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS t(n int, title text, done boolean)
      ON CONFLICT DO NOTHING RETURNING job_id
    ), ${appending(
      Prisma.sql`SELECT job_id FROM made`,
      [{ type: "plan.written", data }, ...step.events],
      Prisma.sql`, head_commit = ${commit} ${step.set}`,
    )}
    ${ANNOUNCED}`,
  );
}

/**
 * Waits until the agent has handed its work over. While nobody holds the job there is nothing to look at but a new claim.
 * @returns how many tasks its checklist has
 * @throws NotYet until then; as activeJob
 */
export async function awaitExternal(db: Db, ref: RunRef): Promise<{ tasks: number }> {
  const job = await activeJob(db, ref);
  if (job.state !== "running") {
    // From the files: a merge that was begun before this was asked again is a task in the database alone.
    const spec = await workspaceText(job, specFile(job.kind));
    return { tasks: spec === null ? 0 : parseTasks(spec).length };
  }
  throw new NotYet(
    job.leaseWorkerId === null ? { kind: "paused" } : { kind: "command", command: externalWait(job) },
  );
}

/** Gives the ordinary runner's sandbox of a change its dependencies, which its checks need. */
export async function fillForChecks(db: Db, ref: RunRef): Promise<{ filled: true }> {
  const job = await activeJob(db, ref);
  const config = await configOf(await projectOf(db, job), job);
  await refillSandbox(db, job, "external/workspace");
  await keepDependencies(db, job, config, "external/dependencies");
  return { filled: true };
}
