// Files that a job has really changed. It is too late to wait for them: what another job holds is flagged on both, and
// the rest is held from now on.
import { type Db, runStatement, type Tx } from "../../db";
import type { NewJobEvent } from "../../domain/events";
import { EXECUTING } from "../../domain/job-state";
import { appendEvents } from "../../events/append";
import { Prisma } from "../../generated/prisma/client";
import { type HeldFile, lockPaths } from "./held-files";
import { dropExpired, insertLocks, lockProject, readHeldOf } from "./project-locks";
import { holdBack } from "./refresh-waits";

/** So many paths are named in an event. */
const NAMED = 20;

export interface FileConflict {
  path: string;
  /** Public id of the root job that holds it, or something above or below it. */
  holder: string;
}

interface Found extends FileConflict {
  root: bigint;
}

/**
 * Holds the files that a job's work has changed against its base. May be called as often as one likes: the same
 * conflict is flagged once a run.
 * @param job internal id
 * @param paths all changed paths, as git names them
 * @returns what others hold; nothing when the job is not being worked on
 */
export async function touchFiles(
  db: Db,
  job: { id: bigint },
  paths: readonly string[],
): Promise<{ conflicts: FileConflict[] }> {
  const found = await db.$transaction((tx) => holdTouched(tx, job.id, lockPaths(paths)));
  const roots = new Set(found.map(({ root }) => root));
  for (const root of roots) {
    // In a transaction of its own: rows of other jobs are not waited for under the project's lock.
    await db.$transaction((tx) =>
      flagBoth(
        tx,
        job.id,
        root,
        found.filter((one) => one.root === root),
      ),
    );
  }
  return { conflicts: found.map(({ path, holder }) => ({ path, holder })) };
}

async function holdTouched(tx: Tx, id: bigint, paths: string[]): Promise<Found[]> {
  await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${id} FOR UPDATE`;
  const job = await tx.job.findUniqueOrThrow({ where: { id } });
  if (job.projectId === null || !EXECUTING[job.state] || paths.length === 0) return [];
  const project = job.projectId;
  const root = job.rootId ?? job.id;
  await lockProject(tx, project);
  await dropExpired(tx, project);
  const held = await readHeldOf(tx, project);
  const inTheWay = (path: string): HeldFile[] => held.conflictsAt(root, path);
  const free = paths.filter((path) => inTheWay(path).length === 0);
  if (free.length > 0) {
    await insertLocks(tx, { project, root, paths: free, declared: false });
    await holdBack(tx, project, await readHeldOf(tx, project));
  }
  return paths.flatMap((path) =>
    inTheWay(path).map((file) => ({ path, holder: file.holder, root: file.root })),
  );
}

/** Both rows are locked in one order; a conflict that is in the log of this run is not written again. */
async function flagBoth(tx: Tx, job: bigint, root: bigint, found: readonly Found[]): Promise<void> {
  const rows = await runStatement<{ id: bigint; publicId: string; run: number }>(
    tx,
    Prisma.sql`
      SELECT id, public_id AS "publicId", run FROM job
      WHERE id IN (${job}::bigint, ${root}::bigint) ORDER BY id FOR UPDATE`,
  );
  const mine = rows.find(({ id }) => id === job);
  const other = rows.find(({ id }) => id === root);
  if (!mine || !other) return;
  const paths = found.map(({ path }) => path);
  const said = (name: string): NewJobEvent & { type: "files.conflict" } => ({
    type: "files.conflict",
    data: { with: name, paths: paths.slice(0, NAMED), more: Math.max(0, paths.length - NAMED) },
  });
  if (!(await isLogged(tx, mine, said(other.publicId).data)))
    await appendEvents(tx, job, [said(other.publicId)]);
  if (!(await isLogged(tx, other, said(mine.publicId).data)))
    await appendEvents(tx, root, [said(mine.publicId)]);
}

async function isLogged(tx: Tx, job: { id: bigint; run: number }, data: object): Promise<boolean> {
  const rows = await runStatement(
    tx,
    Prisma.sql`
      SELECT 1 AS one FROM job_event WHERE job_id = ${job.id}::bigint AND run = ${job.run}::int
        AND type = 'files.conflict' AND data = ${JSON.stringify(data)}::jsonb LIMIT 1`,
  );
  return rows.length > 0;
}
