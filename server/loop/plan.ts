// Step "plan": from the request to SPEC.md and its list of tasks.
import { firstMessage } from "../agents/first-message";
import { startAgentRun } from "../agents/start-agent-run";
import { writeCommand } from "../agents/tools";
import { type Db, runStatement } from "../db";
import { MAX_TASKS, parseTasks } from "../domain/checklist";
import { workKind } from "../domain/job-kind";
import { specFile } from "../domain/spec-file";
import { GiveUp } from "../domain/step-outcome";
import { PROGRESS } from "../domain/steps";
import { ANNOUNCED, appending } from "../events/append";
import { type Job, Prisma } from "../generated/prisma/client";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { setStep, stepChange } from "../services/jobs/set-step";
import { workspaceText } from "../services/workspace/workspace-files";
import { agentFiles } from "./agent-files";
import { writeAndCommit } from "./run-programs";

export const PLANNER_KEY = "plan/planner";

/** Begins the planner, unless the request brings its own specification. */
export async function beginPlan(db: Db, ref: RunRef): Promise<{ agent: string | null }> {
  const job = await activeJob(db, ref);
  if (job.spec && parseTasks(job.spec).length > 0) {
    await setStep(db, job, { step: "plan", progress: PROGRESS.setup });
    return { agent: null };
  }
  // Whoever plans a change has to know what is there.
  const { files, ignored, folder } = workKind(job) === "change" ? await agentFiles(db, job) : {};
  const first = firstMessage(job, { spec: job.spec, ...(files && { files, folder }) });
  const step = stepChange(job, { step: "plan", progress: PROGRESS.setup });
  await startAgentRun(db, {
    job,
    key: PLANNER_KEY,
    role: "planner",
    first,
    task: null,
    step,
    ...(ignored && { ignored }),
  });
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
    write: { key: "plan/write", spec: writeCommand(specFile(workKind(job)), spec) },
    commit: { key: "plan/commit", message: "Write the plan" },
  });
  await storeTasks(db, job, spec, tasks);
  return { tasks: tasks.length };
}

/** The checklist and what the log says of it, once. */
async function storeTasks(
  db: Db,
  job: Job,
  spec: string,
  tasks: ReturnType<typeof parseTasks>,
): Promise<void> {
  const rows = tasks.map((task, i) => ({ n: i + 1, ...task }));
  const data = { tasks: rows.map(({ n, title }) => ({ n, title })), spec };
  const step = stepChange(job, { step: "plan", progress: PROGRESS.planned });
  await runStatement(
    db,
    Prisma.sql`
    WITH made AS (
      INSERT INTO task (job_id, run, n, title, done)
      SELECT ${job.id}, ${job.run}::int, t.n, t.title, t.done
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS t(n int, title text, done boolean)
      ON CONFLICT DO NOTHING RETURNING job_id
    ), ${appending(Prisma.sql`SELECT job_id FROM made`, [{ type: "plan.written", data }, ...step.events], step.set)}
    ${ANNOUNCED}`,
  );
}

async function plannedSpec(db: Db, job: Job): Promise<string> {
  const planned = await db.agentRun.findUnique({
    where: { jobId_run_key: { jobId: job.id, run: job.run, key: PLANNER_KEY } },
  });
  const spec =
    (planned?.result as { spec?: string } | null)?.spec ??
    job.spec ??
    (await workspaceText(job, specFile(workKind(job))));
  if (!spec) throw new GiveUp("no_plan", "The planner wrote no specification.");
  return spec;
}
