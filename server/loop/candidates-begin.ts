// Step "setup" of a candidate: its repository begins where its parent's work has got to, which is the plan. So what it
// makes can be put back as it is, without a merge.
import { existsSync } from "node:fs";
import { type Db, runStatement } from "../db";
import { GiveUp } from "../domain/step-outcome";
import { ANNOUNCED, appending } from "../events/append";
import { type Job, Prisma } from "../generated/prisma/client";
import { projectMirror } from "../services/projects/project-mirror";
import { jobRepository } from "../services/workspace/job-repository";
import { beginFromMirror } from "../workspaces/change-base";
import { copyCommits } from "../workspaces/copy-commits";
import { createRepository } from "../workspaces/repository";
import { CHANGE_LIMITS } from "../workspaces/tree-policy";
import { asked, configOf, freshMirror, projectOf } from "./change-project";
import { keepDependencies } from "./dependencies";
import { refillSandbox } from "./run-programs";

/**
 * Gives a candidate its beginning, and its sandbox the files and dependencies.
 * @returns the job as it is now
 * @throws NotYet while the sandbox is filled; GiveUp when the parent has gone on without it
 */
export async function beginCandidate(db: Db, job: Job): Promise<Job> {
  const begun = job.headCommit === null ? await takeBeginning(db, job) : job;
  // The sandbox was made when there was nothing to fill it with.
  await refillSandbox(db, begun, "setup/workspace");
  if (begun.baseRoot !== null) {
    const config = await configOf(await projectOf(db, begun), begun);
    await keepDependencies(db, begun, config, "setup/dependencies");
  }
  return begun;
}

async function takeBeginning(db: Db, job: Job): Promise<Job> {
  const parent = await parentOf(db, job);
  const { headCommit, baseRoot, baseCommit, baseBranch } = parent;
  if (headCommit === null) throw new GiveUp("no_parent", `${parent.publicId} has no plan to begin from.`);
  const dir = jobRepository(job.publicId);
  await createRepository(dir);
  if (baseRoot !== null && baseCommit !== null) await standOnBase(db, parent, dir, { baseRoot, baseCommit });
  await copyCommits({ from: jobRepository(parent.publicId), to: dir, commit: headCommit, without: baseRoot });
  const begun = { ...job, headCommit, baseRoot, baseCommit, baseBranch };
  const text = `One of ${parent.candidates} candidates of ${parent.publicId}${job.approach ? `: ${job.approach}` : ""}.`;
  const rows = await runStatement(
    db,
    Prisma.sql`
    WITH held AS (
      SELECT id FROM job WHERE id = ${job.id} AND run = ${job.run}::int AND head_commit IS NULL AND state = 'running'
      FOR UPDATE
    ), ${appending(
      Prisma.sql`SELECT id FROM held`,
      [{ type: "job.note", data: { text } }],
      Prisma.sql`, head_commit = ${headCommit}, base_root = ${baseRoot}, base_commit = ${baseCommit}, base_branch = ${baseBranch}`,
    )}
    ${ANNOUNCED}`,
  );
  // Somebody stopped it, or this step ran a second time: the next look tells which.
  if (rows.length === 0) throw new Error("the candidate was moved while it was begun");
  return begun;
}

async function parentOf(db: Db, job: Job): Promise<Job> {
  const parent = job.parentId === null ? null : await db.job.findUnique({ where: { id: job.parentId } });
  if (!parent || parent.run !== job.parentRun)
    throw new GiveUp("no_parent", "The job that this candidate belongs to has gone on without it.");
  return parent;
}

/** The same base makes the same root, so that the parent's commits stand on it here as well. */
async function standOnBase(
  db: Db,
  parent: Job,
  dir: string,
  { baseRoot, baseCommit }: { baseRoot: string; baseCommit: string },
): Promise<void> {
  const project = await projectOf(db, parent);
  const mirror = projectMirror(project);
  if (!existsSync(mirror)) await freshMirror(project);
  const { root } = await asked(() => beginFromMirror(dir, mirror, baseCommit, CHANGE_LIMITS));
  if (root !== baseRoot) throw new GiveUp("no_base", "The base of the job cannot be made again.");
}
