// A base that moved while a change was made is merged before it is validated, so that what is proven is what will be.
// The merge is the last task of the run: its conflicts go to the fixer like any other red check.
import { type Db, runStatement } from "../db";
import type { NewJobEvent } from "../domain/events";
import { GiveUp } from "../domain/step-outcome";
import { ANNOUNCED, appending } from "../events/append";
import { type Job, Prisma } from "../generated/prisma/client";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { jobRepository } from "../services/workspace/job-repository";
import { type Merged, mergeMoved } from "../workspaces/merge-base";
import { requireBranch } from "../workspaces/mirror";
import { WorkspaceRefused } from "../workspaces/refusal";
import { RemoteFault } from "../workspaces/remote-fault";
import { asked, configOf, freshMirror, projectOf } from "./change-project";
import { keepDependencies } from "./dependencies";
import { mergeKey } from "./merge-check";
import { refillSandbox } from "./run-programs";

/** The number of the task that a merge is, behind the tasks of the plan. */
export const mergeTask = (of: number) => of + 1;

/**
 * Merges the base branch as it is now into the job's work.
 * @param of tasks of the plan
 * @returns the number of the task that has to be worked on, null when the base has not moved
 * @throws GiveUp when the new base, or the merge, cannot be carried
 */
export async function bringInBase(db: Db, ref: RunRef, of: number): Promise<{ task: number | null }> {
  const job = await activeJob(db, ref);
  const n = mergeTask(of);
  const begun = await db.task.findUnique({ where: { jobId_run_n: { jobId: job.id, run: job.run, n } } });
  if (begun) return { task: n };
  const { baseCommit, baseRoot, headCommit } = job;
  if (!baseCommit || !baseRoot || !headCommit) throw new GiveUp("no_base", "The job has no base to merge.");
  const project = await projectOf(db, job);
  const mirror = await freshMirror(project);
  const branch = branchNow(mirror, job);
  if (!branch) {
    await note(
      db,
      job,
      `The branch ${job.baseBranch} is not there any more; the work stays on ${baseCommit.slice(0, 12)}.`,
    );
    return { task: null };
  }
  const merged = await merge(job, mirror.dir, {
    baseCommit,
    root: baseRoot,
    newBaseCommit: branch.commit,
    head: headCommit,
  });
  if (merged.kind === "same") return { task: null };
  await storeMerge(db, job, { n, merged, branch: branch.name, commit: branch.commit });
  return { task: n };
}

function branchNow(mirror: Parameters<typeof requireBranch>[0], job: Job) {
  try {
    return requireBranch(mirror, job.baseBranch);
  } catch (error) {
    if (error instanceof RemoteFault && error.code === "branch_gone") return null;
    throw error;
  }
}

async function merge(job: Job, mirror: string, moved: Parameters<typeof mergeMoved>[2]): Promise<Merged> {
  try {
    return await asked(() => mergeMoved(jobRepository(job.publicId), mirror, moved));
  } catch (error) {
    if (error instanceof WorkspaceRefused)
      throw new GiveUp("merge_refused", `The base moved and cannot be merged: ${error.message}`);
    throw error;
  }
}

interface StoredMerge {
  n: number;
  merged: Exclude<Merged, { kind: "same" }>;
  branch: string;
  commit: string;
}

/** The new head and base, the task, and what was in conflict: one statement. */
async function storeMerge(db: Db, job: Job, { n, merged, branch, commit }: StoredMerge): Promise<void> {
  const { conflicts } = merged;
  const at = `${branch} at ${commit.slice(0, 12)}`;
  const text =
    conflicts.length === 0
      ? `The base moved: ${at} was merged without conflicts.`
      : `The base moved: ${at} was merged with ${conflicts.length} ${conflicts.length === 1 ? "conflict" : "conflicts"}.`;
  const events: NewJobEvent[] = [{ type: "job.note", data: { text } }];
  const report = {
    reports: [{ tool: "merge", problems: conflicts.map(asProblem), unreadable: null }],
    known: 0,
  };
  const rows = await runStatement(
    db,
    Prisma.sql`
    WITH held AS (
      SELECT id FROM job WHERE id = ${job.id} AND run = ${job.run}::int AND head_commit = ${job.headCommit} FOR UPDATE
    ), task AS (
      INSERT INTO task (job_id, run, n, title)
      SELECT id, ${job.run}::int, ${n}::int, ${`Bring in ${at}`.slice(0, 300)} FROM held ON CONFLICT DO NOTHING
    ), checked AS (
      INSERT INTO check_run (job_id, run, key, kind, passed, report)
      SELECT id, ${job.run}::int, ${mergeKey(n, 0)}, 'lint', ${conflicts.length === 0}, ${JSON.stringify(report)}::jsonb
      FROM held ON CONFLICT DO NOTHING
    ), ${appending(
      Prisma.sql`SELECT id FROM held`,
      events,
      Prisma.sql`, head_commit = ${merged.commit}, base_root = ${merged.root}, base_commit = ${commit}`,
    )}
    ${ANNOUNCED}`,
  );
  if (rows.length === 0) throw new Error("the job was moved while its base was merged");
}

const asProblem = (sentence: string) => ({
  file: "",
  line: 0,
  column: 0,
  rule: "conflict",
  message: sentence,
  severity: "error" as const,
});

async function note(db: Db, job: Job, text: string): Promise<void> {
  await runStatement(
    db,
    Prisma.sql`
    WITH ${appending(Prisma.sql`SELECT ${job.id}::bigint`, [{ type: "job.note", data: { text } }])}
    ${ANNOUNCED}`,
  );
}

/** Gives the sandbox the merged files, with the dependencies that they ask for. */
export async function refill(db: Db, ref: RunRef): Promise<{ filled: true }> {
  const job = await activeJob(db, ref);
  const config = await configOf(await projectOf(db, job), job);
  await refillSandbox(db, job, "merge/workspace");
  await keepDependencies(db, job, config, "merge/dependencies");
  return { filled: true };
}
