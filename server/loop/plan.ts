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
import { learningsFor } from "../services/memory/learnings-for";
import { workspaceText } from "../services/workspace/workspace-files";
import { agentFiles } from "./agent-files";
import { decidedPlan, sentBack } from "./approve-plan";
import { writeAndCommit } from "./run-programs";

/** Of the agent run that writes this version of the plan; the first is the only one unless a person asks for changes. */
const plannerKey = (version: number) => (version === 1 ? "plan/planner" : `plan/planner-${version}`);

/** Begins the planner, unless the request brings its own specification. */
export async function beginPlan(db: Db, ref: RunRef, version = 1): Promise<{ agent: string | null }> {
  const job = await activeJob(db, ref);
  const former = version > 1 ? await sentBack(db, job, version) : null;
  if (!former && job.spec && parseTasks(job.spec).length > 0) {
    await setStep(db, job, { step: "plan", progress: PROGRESS.setup });
    return { agent: null };
  }
  // Whoever plans a change has to know what is there.
  const { files, ignored, folder } = workKind(job) === "change" ? await agentFiles(db, job) : {};
  const learnings = await learningsFor(db, job, { agentRun: plannerKey(version) });
  const first = firstMessage(job, { spec: job.spec, ...(files && { files, folder }), ...former, learnings });
  const step = stepChange(job, { step: "plan", progress: PROGRESS.setup });
  await startAgentRun(db, {
    job,
    key: plannerKey(version),
    role: "planner",
    first,
    task: null,
    step,
    ...(ignored && { ignored }),
  });
  return { agent: plannerKey(version) };
}

/**
 * Puts SPEC.md into the workspace and its checklist into the database, once a person approved it where they want to.
 * @returns how many tasks there are; `changes` when the plan was sent back, and nothing was written
 */
export async function writePlan(
  db: Db,
  ref: RunRef,
  version = 1,
): Promise<{ tasks: number; changes?: true }> {
  const job = await activeJob(db, ref);
  const planned = await plannedSpec(db, job, version);
  refuseUnworkable(planned);
  const spec = job.approvePlan ? await decidedPlan(db, job, version, planned) : planned;
  if (spec === null) return { tasks: 0, changes: true };
  await writeAndCommit(db, job, {
    write: { key: "plan/write", spec: writeCommand(specFile(workKind(job)), spec) },
    commit: { key: "plan/commit", message: "Write the plan" },
  });
  // A plan that was read is in the log already, unless it was edited.
  return storeTasks(db, job, spec, !job.approvePlan || spec !== planned);
}

function refuseUnworkable(spec: string): void {
  const tasks = parseTasks(spec);
  if (tasks.length === 0)
    throw new GiveUp("no_tasks", "The plan has no checklist; SPEC.md needs lines like “- [ ] task”.");
  if (tasks.length > MAX_TASKS)
    throw new GiveUp(
      "too_many_tasks",
      `The plan has ${tasks.length} tasks; at most ${MAX_TASKS} are possible.`,
    );
}

/** The checklist, and what the log says of it where it is news: once. */
async function storeTasks(db: Db, job: Job, spec: string, news: boolean): Promise<{ tasks: number }> {
  const rows = parseTasks(spec).map((task, i) => ({ n: i + 1, ...task }));
  const data = { tasks: rows.map(({ n, title }) => ({ n, title })), spec };
  const written = news ? [{ type: "plan.written" as const, data }] : [];
  const step = stepChange(job, { step: "plan", progress: PROGRESS.planned });
  await runStatement(
    db,
    Prisma.sql`
    WITH made AS (
      INSERT INTO task (job_id, run, n, title, done)
      SELECT ${job.id}, ${job.run}::int, t.n, t.title, t.done
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS t(n int, title text, done boolean)
      ON CONFLICT DO NOTHING RETURNING job_id
    ), ${appending(Prisma.sql`SELECT job_id FROM made`, [...written, ...step.events], step.set)}
    ${ANNOUNCED}`,
  );
  return { tasks: rows.length };
}

async function plannedSpec(db: Db, job: Job, version: number): Promise<string> {
  const planned = await db.agentRun.findUnique({
    where: { jobId_run_key: { jobId: job.id, run: job.run, key: plannerKey(version) } },
  });
  const given = async () => job.spec ?? (await workspaceText(job, specFile(workKind(job))));
  const spec = (planned?.result as { spec?: string } | null)?.spec ?? (version === 1 ? await given() : null);
  if (!spec) throw new GiveUp("no_plan", "The planner wrote no specification.");
  return spec;
}
