// Step "setup" of a change job: the mirror is brought up to date, and the job's repository begins with the tree of the
// base branch. What a job began from stays, whatever the branch does later; the moved base is merged before validation.
import { existsSync } from "node:fs";
import { type Db, runStatement } from "../db";
import type { NewJobEvent } from "../domain/events";
import { env } from "../env";
import { ANNOUNCED, appending } from "../events/append";
import { type Job, Prisma, type Project } from "../generated/prisma/client";
import { projectMirror } from "../services/projects/project-mirror";
import { jobRepository } from "../services/workspace/job-repository";
import { beginFromMirror } from "../workspaces/change-base";
import { requireBranch } from "../workspaces/mirror";
import { BASE_LIMITS, type TreeLimits } from "../workspaces/tree-policy";
import { asked, configOf, freshMirror, projectOf } from "./change-project";
import { keepDependencies } from "./dependencies";
import { refillSandbox } from "./run-programs";

/**
 * Gives the job its base and its sandbox the files and dependencies.
 * @returns the job as it is now
 * @throws NotYet while the sandbox is made; GiveUp with the repository's own fault
 */
export async function beginChange(db: Db, job: Job): Promise<Job> {
  const project = await projectOf(db, job);
  // An earlier run has its base already, but reads it from the mirror.
  if (job.baseRoot !== null && !existsSync(projectMirror(project))) await freshMirror(project);
  const begun = job.baseRoot === null ? await takeBase(db, job, project) : job;
  const config = await configOf(project, begun);
  // The sandbox was made when there was nothing to fill it with.
  await refillSandbox(db, begun, "setup/workspace");
  await keepDependencies(db, begun, config, "setup/dependencies");
  return begun;
}

/** What is larger would not fit into a sandbox together with what is built from it. */
const roomFor = (megabytes: number): TreeLimits => ({
  ...BASE_LIMITS,
  totalBytes: Math.min(BASE_LIMITS.totalBytes, Math.floor(megabytes * 0.8) * 1024 * 1024),
});

/** Takes the tree of the base branch as it is now for the job's first commit. @returns the job as it is then */
export async function takeBase(db: Db, job: Job, project: Project): Promise<Job> {
  const mirror = await freshMirror(project);
  const branch = await asked(async () => requireBranch(mirror, job.baseBranch));
  const megabytes = env().SANDBOX_WORK_MB;
  const { root, notes } = await asked(() =>
    beginFromMirror(jobRepository(job.publicId), mirror.dir, branch.commit, roomFor(megabytes)),
  );
  const based = {
    ...job,
    baseRoot: root,
    baseCommit: branch.commit,
    baseBranch: branch.name,
    headCommit: root,
  };
  const config = await configOf(project, based);
  const techStack = job.techStack.length > 0 ? job.techStack : config.techStack;
  const said: NewJobEvent[] = [
    `Works on ${project.name}, branch ${branch.name} at ${branch.commit.slice(0, 12)}.`,
    ...notes,
  ].map((text) => ({ type: "job.note", data: { text } }));
  const rows = await runStatement(
    db,
    Prisma.sql`
    WITH held AS (
      SELECT id FROM job WHERE id = ${job.id} AND run = ${job.run}::int AND base_root IS NULL AND state = 'running' FOR UPDATE
    ), ${appending(
      Prisma.sql`SELECT id FROM held`,
      said,
      Prisma.sql`, base_root = ${root}, base_commit = ${branch.commit}, base_branch = ${branch.name},
        head_commit = COALESCE(head_commit, ${root}), tech_stack = ${techStack}::text[]`,
    )}
    ${ANNOUNCED}`,
  );
  // Somebody stopped it, or this step ran a second time: the next look tells which.
  if (rows.length === 0) throw new Error("the job was moved while its base was taken");
  return { ...based, techStack };
}
