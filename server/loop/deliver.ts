// Step "deliver": keyed by (job, run, target), once. The row is written before the files, so that a repeated step
// finds what it had begun; a folder appears by a rename, so it is whole or not there.
import { access, rename } from "node:fs/promises";
import { type Db, runStatement } from "../db";
import { TargetExists, writeTree } from "../delivery/write-tree";
import { NOTES_FOLDER } from "../domain/agent-notes";
import type { NewJobEvent } from "../domain/events";
import { Ended, GiveUp } from "../domain/step-outcome";
import { PROGRESS } from "../domain/steps";
import { ANNOUNCED, appending } from "../events/append";
import { type Job, Prisma } from "../generated/prisma/client";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { moveAlone } from "../services/jobs/move-job";
import { stepChange } from "../services/jobs/set-step";
import { jobRepository } from "../services/workspace/job-repository";
import { workspaceFiles } from "../services/workspace/workspace-files";
import { archiveZip } from "../workspaces/archive-zip";
import { diffStat, type FileChange } from "../workspaces/diff";
import { log } from "../workspaces/read-files";
import { MAIN_REF, setRefs } from "../workspaces/repository";
import { CHANGE_LIMITS, TREE_LIMITS } from "../workspaces/tree-policy";
import { withEntry } from "../workspaces/without-folder";
import { writeCommit } from "../workspaces/write-commit";
import { changeToDeliver, deliveredPaths, pushChange, writeChangeFiles } from "./deliver-change";

type Target = "repository" | "branch" | "patch" | "bundle" | "folder" | "zip";

/**
 * Delivers the head of an approved job, then completes it: a new project as its repository's branch, a folder and a zip;
 * a change as a branch of its remote, a patch and a bundle as well.
 * @throws GiveUp when there is nothing to deliver; Refused when it may not be delivered
 */
export async function deliver(db: Db, ref: RunRef): Promise<{ delivered: true }> {
  const job = await activeJob(db, ref);
  if (job.state !== "approved") throw new Ended();
  const commit = job.headCommit;
  if (!commit) throw new GiveUp("nothing_to_deliver", "The workspace is empty; there is nothing to deliver.");
  await (job.kind === "change"
    ? deliverChange(db, job)
    : deliverProject(db, job, await withoutNotes(job, commit)));
  return { delivered: true };
}

/** What agents noted for each other is no part of a project: the same commit, or one on top that leaves it out. */
async function withoutNotes(job: Job, commit: string): Promise<string> {
  const { paths } = await workspaceFiles(job);
  if (!paths.some((path) => path.startsWith(`${NOTES_FOLDER}/`))) return commit;
  const dir = jobRepository(job.publicId);
  const tree = await withEntry(dir, commit, NOTES_FOLDER, null);
  const [{ at } = { at: new Date(0) }] = await log(dir, commit, 1);
  const message = "Leave out what agents noted for each other";
  return writeCommit(dir, { tree, parents: [commit], message, seconds: Math.floor(at.getTime() / 1000) });
}

async function deliverProject(db: Db, job: Job, commit: string): Promise<void> {
  await beginDelivery(db, job);
  const dir = jobRepository(job.publicId);
  const { folder, zip } = deliveredPaths(job);
  const targets: Delivering[] = [
    { target: "repository", path: dir, write: () => moveBranch(dir, job, commit) },
    { target: "folder", path: folder, write: () => writeFolder(db, job, dir, commit, folder) },
    { target: "zip", path: zip, write: () => archiveZip(dir, commit, zip, job.publicId) },
  ];
  // All files of the delivered tree.
  const changes = diffStat(dir, null, commit);
  changes.catch(() => undefined); // It is looked at below, after the writing.
  await deliverTo(db, job, commit, targets);
  await complete(db, job, await changes, folder);
}

async function deliverChange(db: Db, job: Job): Promise<void> {
  const change = await changeToDeliver(db, job);
  await beginDelivery(db, job);
  const dir = jobRepository(job.publicId);
  const branch = branchOf(job);
  const { folder, zip, patch, bundle } = deliveredPaths(job);
  const files = writeChangeFiles(job, change, branch);
  // What the remote says decides; the files are for whoever takes the change by hand.
  const pushed: Delivering = {
    target: "branch",
    path: branch,
    write: () => pushChange(db, job, change, branch),
  };
  await deliverTo(db, job, change.tip, [pushed]);
  await deliverTo(db, job, change.tip, [
    { target: "patch", path: patch, write: files.patch },
    { target: "bundle", path: bundle, write: files.bundle },
    { target: "folder", path: folder, write: () => writeFolder(db, job, dir, change.tip, folder) },
    { target: "zip", path: zip, write: files.zip },
  ]);
  await complete(db, job, change.changes, folder);
}

/** From here on a cancellation is refused (409). @throws Ended when the job is not approved any more */
async function beginDelivery(db: Db, job: Job): Promise<void> {
  const { events, set } = stepChange(job, { step: "deliver", progress: PROGRESS.validated });
  const begun = await runStatement(
    db,
    Prisma.sql`
    WITH held AS (SELECT id FROM job WHERE id = ${job.id} AND state = 'approved' FOR UPDATE),
      ${appending(Prisma.sql`SELECT id FROM held`, events, Prisma.sql`, delivery_began = true ${set}`)}
    ${ANNOUNCED}`,
  );
  if (begun.length === 0) throw new Ended();
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
    await writeTree(dir, commit, folder, job.kind === "change" ? CHANGE_LIMITS : TREE_LIMITS);
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

interface Delivering {
  target: Target;
  path: string;
  /** Whole or not at all, and the same when done again. */
  write: () => Promise<void>;
}

/** Writes what is not yet delivered, all at the same time. */
async function deliverTo(db: Db, job: Job, commit: string, targets: readonly Delivering[]): Promise<void> {
  const wanted = JSON.stringify(targets.map(({ target, path }) => ({ target, path })));
  await db.$executeRaw`
    INSERT INTO delivery (job_id, run, target, commit, path)
    SELECT ${job.id}, ${job.run}::int, t.target, ${commit}, t.path
    FROM jsonb_to_recordset(${wanted}::jsonb) AS t(target text, path text)
    ON CONFLICT DO NOTHING`;
  const rows = await db.delivery.findMany({ where: { jobId: job.id, run: job.run } });
  const ends = await Promise.allSettled(
    targets.map(async ({ target, path, write }) => {
      const row = rows.find((one) => one.target === target);
      if (!row || row.deliveredAt) return;
      await write();
      const event: NewJobEvent = { type: "delivery.done", data: { target, path, commit } };
      await runStatement(
        db,
        Prisma.sql`
        WITH done AS (
          UPDATE delivery SET delivered_at = now() WHERE id = ${row.id} AND delivered_at IS NULL RETURNING job_id
        ), ${appending(Prisma.sql`SELECT job_id FROM done`, [event])}
        ${ANNOUNCED}`,
      );
    }),
  );
  // Only now, so that nothing is still being written when the step is done again.
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

function totalsOf(all: readonly FileChange[]) {
  const files = all.map(({ path, added, removed, status }) => ({
    path,
    added,
    removed,
    status,
  }));
  const sum = (numbers: number[]) => numbers.reduce((total, n) => total + n, 0);
  return {
    files: files.slice(0, 2000),
    added: sum(files.map((f) => f.added)),
    removed: sum(files.map((f) => f.removed)),
  };
}

async function complete(db: Db, job: Job, changes: readonly FileChange[], folder: string): Promise<void> {
  await moveAlone(db, {
    job: job.id,
    run: job.run,
    move: "delivered",
    actor: "factory",
    set: {
      outputPath: folder,
      branch: branchOf(job),
      progress: PROGRESS.delivered,
      changes: totalsOf(changes),
    },
  });
}
