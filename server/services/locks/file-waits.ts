// Who waits for whose files. There is one rule, `HeldFiles.conflictOf` on what a job and its root have declared:
// claims, filing, moves, sweeps and "why does this job wait" all use it.
import { type Db, runStatement, type Tx } from "../../db";
import { filesWait, type Waiting } from "../../domain/waiting";
import { Prisma } from "../../generated/prisma/client";
import { type HeldFiles, lockPaths } from "./held-files";
import { lockProject, readHeld, readHeldOf } from "./project-locks";

/** What a job needs for itself. */
export interface FileNeed {
  id: bigint;
  publicId: string;
  project: bigint;
  /** Internal id of its root job. */
  root: bigint;
  /** In the form of locks; never empty. */
  paths: string[];
}

/**
 * What the jobs of a condition on `j` have declared, together with their root jobs. A job that works on no project or
 * has declared nothing is not in it.
 */
export async function fileNeeds(at: Db | Tx, which: Prisma.Sql): Promise<FileNeed[]> {
  const rows = await runStatement<Omit<FileNeed, "paths"> & { declared: string[] }>(
    at,
    Prisma.sql`
      SELECT j.id, j.public_id AS "publicId", j.project_id AS project, r.id AS root,
        j.declared_files || CASE WHEN r.id = j.id THEN '{}'::text[] ELSE r.declared_files END AS declared
      FROM job j JOIN job r ON r.id = COALESCE(j.root_id, j.id)
      WHERE j.project_id IS NOT NULL AND (${which}) AND (j.declared_files <> '{}' OR r.declared_files <> '{}')
      ORDER BY j.id`,
  );
  return rows.map(({ declared, ...need }) => ({ ...need, paths: lockPaths(declared) }));
}

/** Why a job that needs these files cannot be worked on now, or null. */
export function waitFor(need: Pick<FileNeed, "root" | "paths">, held: HeldFiles): Waiting | null {
  const conflict = held.conflictOf(need.root, need.paths);
  return conflict ? filesWait(conflict.holder, conflict.path) : null;
}

/**
 * What each of some jobs waits for on account of its files, as rows and locks are now.
 * @param jobs internal ids
 * @returns by internal id; a job that nobody is in the way of is not in it
 */
export async function fileWaits(at: Db | Tx, jobs: readonly bigint[]): Promise<Map<bigint, Waiting>> {
  const needs = jobs.length === 0 ? [] : await fileNeeds(at, Prisma.sql`j.id = ANY(${[...jobs]}::bigint[])`);
  const held =
    needs.length === 0 ? null : await readHeld(at, [...new Set(needs.map(({ project }) => project))]);
  const waits = new Map<bigint, Waiting>();
  for (const need of needs) {
    const files = held?.get(need.project);
    const wait = files && waitFor(need, files);
    if (wait) waits.set(need.id, wait);
  }
  return waits;
}

/**
 * For a job that is being filed: what keeps it from being claimed at once. Until the caller's transaction ends nobody
 * takes or gives up files of the project, so the answer stays true.
 * @param files as declared
 */
export async function waitsForFiles(
  tx: Tx,
  { project, files }: { project: bigint; files: readonly string[] },
): Promise<Waiting | null> {
  if (files.length === 0) return null;
  await lockProject(tx, project);
  // Nobody is its own root yet.
  return waitFor({ root: 0n, paths: lockPaths(files) }, await readHeldOf(tx, project));
}
