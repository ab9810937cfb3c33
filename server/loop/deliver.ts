// Step "deliver": keyed by (job, run, target), once. The row is written before the files, so that a repeated step
// finds what it had begun; a folder appears by a rename, so it is whole or not there.
import { access, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Db } from "../db";
import { TargetExists, writeTree } from "../delivery/write-tree";
import { Ended, GiveUp } from "../domain/step-outcome";
import { PROGRESS } from "../domain/steps";
import { env } from "../env";
import { appendEvents } from "../events/append";
import type { Job } from "../generated/prisma/client";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { moveJob } from "../services/jobs/move-job";
import { setStep } from "../services/jobs/set-step";
import { jobRepository } from "../services/workspace/job-repository";
import { archiveZip } from "../workspaces/archive-zip";
import { diffStat } from "../workspaces/diff";
import { MAIN_REF, setRefs } from "../workspaces/repository";

type Target = "repository" | "folder" | "zip";

/** Delivers the head of an approved job to its repository's branch, a folder and a zip, then completes it. */
export async function deliver(db: Db, ref: RunRef): Promise<{ delivered: true }> {
  const job = await activeJob(db, ref);
  if (job.state !== "approved") throw new Ended();
  const commit = job.headCommit;
  if (!commit) throw new GiveUp("nothing_to_deliver", "The workspace is empty; there is nothing to deliver.");
  // From here on a cancellation is refused (409): delivery has begun.
  const { count } = await db.job.updateMany({
    where: { id: job.id, state: "approved" },
    data: { deliveryBegan: true },
  });
  if (count === 0) throw new Ended();
  await setStep(db, job, { step: "deliver", progress: PROGRESS.validated });
  const dir = jobRepository(job.publicId);
  const folder = join(env().DATA_DIR, "projects", job.publicId);
  await once(db, job, "repository", commit, dir, () => moveBranch(dir, job, commit));
  await once(db, job, "folder", commit, folder, () => writeFolder(db, job, dir, commit, folder));
  await once(db, job, "zip", commit, `${folder}.zip`, () =>
    archiveZip(dir, commit, `${folder}.zip`, job.publicId),
  );
  await complete(db, job, commit, folder);
  return { delivered: true };
}

const branchOf = (job: Job) => `fabrica/${job.publicId}`;

async function moveBranch(dir: string, job: Job, commit: string): Promise<void> {
  await setRefs(dir, [`refs/heads/${branchOf(job)}`, MAIN_REF], commit);
}

/**
 * A folder that is there already was renamed into place by an earlier try of this very delivery, or it is what an
 * earlier run of the job had delivered before it failed: that one is put aside first.
 */
async function writeFolder(db: Db, job: Job, dir: string, commit: string, folder: string): Promise<void> {
  const earlier = await db.delivery.findFirst({
    where: { jobId: job.id, target: "folder", run: { lt: job.run } },
    orderBy: { run: "desc" },
  });
  if (earlier) await putAside(folder, `${folder}.run-${earlier.run}`);
  try {
    await writeTree(dir, commit, folder);
  } catch (error) {
    if (!(error instanceof TargetExists)) throw error;
  }
}

/** Once: where something lies aside already, what lies at `folder` is newer. */
async function putAside(folder: string, aside: string): Promise<void> {
  if (await exists(aside)) return;
  try {
    await rename(folder, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function once(
  db: Db,
  job: Job,
  target: Target,
  commit: string,
  path: string,
  write: () => Promise<void>,
): Promise<void> {
  const key = { jobId: job.id, run: job.run, target };
  await db.delivery.createMany({ data: [{ ...key, commit, path }], skipDuplicates: true });
  const row = await db.delivery.findUniqueOrThrow({ where: { jobId_run_target: key } });
  if (row.deliveredAt) return;
  await write();
  await db.$transaction(async (tx) => {
    const { count } = await tx.delivery.updateMany({
      where: { id: row.id, deliveredAt: null },
      data: { deliveredAt: new Date() },
    });
    if (count > 0)
      await appendEvents(tx, job.id, [{ type: "delivery.done", data: { target, path, commit } }]);
  });
}

async function complete(db: Db, job: Job, commit: string, folder: string): Promise<void> {
  const files = (await diffStat(jobRepository(job.publicId), null, commit)).map(
    ({ path, added, removed, status }) => ({
      path,
      added,
      removed,
      status,
    }),
  );
  const sum = (numbers: number[]) => numbers.reduce((total, n) => total + n, 0);
  const changes = {
    files: files.slice(0, 2000),
    added: sum(files.map((f) => f.added)),
    removed: sum(files.map((f) => f.removed)),
  };
  await db.$transaction((tx) =>
    moveJob(tx, {
      job: job.id,
      move: "delivered",
      actor: "factory",
      set: { outputPath: folder, branch: branchOf(job), progress: PROGRESS.delivered, changes },
    }),
  );
}
