// What a change is delivered as: a branch on the remote, a patch, a bundle, a folder and a zip, all of the same commit:
// the job's work made again on the remote's own base, without what the factory keeps beside it.
import { join } from "node:path";
import { isCiFile } from "../agents/ci-files";
import type { Db } from "../db";
import { NOTES_FOLDER } from "../domain/agent-notes";
import { FACTORY_FOLDER } from "../domain/spec-file";
import { GiveUp, Refused } from "../domain/step-outcome";
import { env } from "../env";
import type { Job, Project } from "../generated/prisma/client";
import { touchFiles } from "../services/locks/touch-files";
import { projectRemote, remoteRules } from "../services/projects/project-remote";
import { jobRepository } from "../services/workspace/job-repository";
import { archiveZip } from "../workspaces/archive-zip";
import { diffStat, type FileChange } from "../workspaces/diff";
import { exportBundleFile, exportPatch } from "../workspaces/export-patch";
import { pushBranch } from "../workspaces/push-branch";
import { RemoteFault } from "../workspaces/remote-fault";
import { replayOnto } from "../workspaces/replay";
import { setRefs } from "../workspaces/repository";
import { asked, projectOf } from "./change-project";

/** The commit to deliver, and what it changes against the base. */
export interface DeliveredChange {
  project: Project;
  tip: string;
  base: string;
  changes: FileChange[];
}

/**
 * Makes the job's commits again on the real base.
 * @throws GiveUp when nothing was changed; Refused for what only a person may push
 */
export async function changeToDeliver(db: Db, job: Job): Promise<DeliveredChange> {
  const { baseCommit: base, baseRoot: root, headCommit: head } = job;
  if (!base || !root || !head) throw new GiveUp("nothing_to_deliver", "The job has no base to deliver onto.");
  const project = await projectOf(db, job);
  const dir = jobRepository(job.publicId);
  const without = [FACTORY_FOLDER, NOTES_FOLDER];
  const tip = await replayOnto(dir, { root, head, baseCommit: base, without });
  const changes = tip === base ? [] : await diffStat(dir, base, tip);
  if (changes.length === 0)
    throw new GiveUp("nothing_to_deliver", "The job changed nothing; there is nothing to deliver.");
  const ci = changes.find(({ path }) => isCiFile(path));
  if (ci)
    throw new Refused(
      `The change touches ${ci.path}, which makes other machines run something; a person has to push it. Everything is committed.`,
    );
  await touchFiles(
    db,
    job,
    changes.map(({ path }) => path),
  );
  return { project, tip, base, changes };
}

/**
 * Pushes the branch. Only what an earlier run of the job has put there may be replaced: it may have pushed and died
 * before it could say so, and people remove branches that they have merged.
 */
export async function pushChange(
  db: Db,
  job: Job,
  { project, tip }: DeliveredChange,
  branch: string,
): Promise<void> {
  const dir = jobRepository(job.publicId);
  const earlier = await db.delivery.findMany({
    where: { jobId: job.id, target: "branch", run: { lt: job.run } },
    orderBy: { run: "desc" },
  });
  const commits = [...new Set(earlier.map(({ commit }) => commit))];
  const remote = await asked(() => projectRemote(project));
  for (const [at, expected] of [...commits, null].entries()) {
    try {
      await pushBranch(dir, remote, remoteRules(), { branch, commit: tip, expected });
      break;
    } catch (error) {
      if (!(error instanceof RemoteFault) || error.passing) throw error;
      if (error.code === "stale" && at < commits.length) continue;
      throw new Refused(`The branch could not be pushed. ${error.message} Everything is committed.`);
    }
  }
  await setRefs(dir, [`refs/heads/${branch}`], tip);
}

/** Where the files of a delivery lie. */
export const deliveredPaths = (job: Job) => {
  const folder = join(env().DATA_DIR, "projects", job.publicId);
  return { folder, zip: `${folder}.zip`, patch: `${folder}.patch`, bundle: `${folder}.bundle` };
};

/** Files for people who take the change by hand. */
export function writeChangeFiles(job: Job, { tip, base }: DeliveredChange, branch: string) {
  const dir = jobRepository(job.publicId);
  const { patch, bundle, zip } = deliveredPaths(job);
  return {
    patch: () => exportPatch(dir, base, tip, patch),
    bundle: () => exportBundleFile(dir, tip, bundle, { ref: `refs/heads/${branch}`, without: base }),
    zip: () => archiveZip(dir, tip, zip, job.publicId),
  };
}
