// Dependencies: what may not begin yet says for which job it waits; when that one settles it is looked at again.
// There is one rule, `OPEN_DEPENDENCY`; creating, moving, waking and sweeping all use it.
import { type Db, runStatement, type Tx } from "../../db";
import type { JobState } from "../../domain/job-state";
import { dependencyWait, NEEDS_PERSON } from "../../domain/waiting";
import { Prisma } from "../../generated/prisma/client";
import { fileWaits } from "../locks/file-waits";
import { announceClaimable } from "../queue/announce-claimable";

/**
 * The dependency that keeps a job from beginning: one that needs a person before one that will come by itself.
 * @param job expression for the internal id of the job
 * @returns a query of at most one row: public_id, state
 */
function openDependencyOf(job: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`
    SELECT o.public_id, o.state::text AS state FROM job_dependency d JOIN job o ON o.id = d.depends_on_id
    WHERE d.job_id = ${job} AND o.state <> 'completed'
    ORDER BY (o.state::text = ANY(${[...NEEDS_PERSON]}::text[])) DESC, o.id LIMIT 1`;
}

/** A job that another one waits for. */
export interface OpenDependency {
  public_id: string;
  state: JobState;
}

/**
 * What each of some jobs waits for.
 * @param jobs internal ids
 * @returns by internal id; a job without an open dependency is not in it
 */
export async function openDependencies(
  at: Db | Tx,
  jobs: readonly bigint[],
): Promise<Map<bigint, OpenDependency>> {
  const rows = await runStatement<OpenDependency & { id: bigint }>(
    at,
    Prisma.sql`
      SELECT j.id, o.public_id, o.state FROM unnest(${[...jobs]}::bigint[]) AS j(id)
      CROSS JOIN LATERAL (${openDependencyOf(Prisma.sql`j.id`)}) o`,
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/**
 * Looks again at every pending job that depends on `job`, after that one was moved. Runs behind the move, in its
 * transaction or after its commit: of two dependencies that settle at once, the later look sees both.
 * @param job as the move left it: `awaited` is set under the same lock under which a job begins to wait for it
 */
export async function wakeDependents(tx: Tx, job: { id: bigint; awaited: boolean }): Promise<void> {
  if (job.awaited) await refreshWaiting(tx, Prisma.sql`d.depends_on_id = ${job.id}::bigint`);
}

/** Computes again what a job waits for, after its dependencies were changed. */
export function refreshJob(tx: Tx, job: bigint): Promise<number> {
  return refreshWaiting(tx, Prisma.sql`d.job_id = ${job}::bigint`);
}

/**
 * Frees jobs that wait for nothing any more although nobody woke them: the process died between a move and its wake-up.
 * Safe in several processes at once. @returns how many were freed
 */
export async function sweepDependents(db: Db): Promise<number> {
  const found = await db.$queryRaw<{ id: bigint }[]>`
    SELECT j.id FROM job j
    WHERE j.state = 'pending' AND NOT j.claimable AND j.lease_worker_id IS NULL AND j.lease_until IS NULL
      AND j.waiting_code IN ('dependency', 'dependency_failed')
      AND NOT EXISTS (SELECT 1 FROM job_dependency d JOIN job o ON o.id = d.depends_on_id
        WHERE d.job_id = j.id AND o.state <> 'completed')
    ORDER BY j.id LIMIT 1000`;
  let freed = 0;
  for (const { id } of found) freed += await db.$transaction((tx) => refreshJob(tx, id));
  return freed;
}

/** @returns how many became claimable */
async function refreshWaiting(tx: Tx, which: Prisma.Sql): Promise<number> {
  // Locked first and in one order; the statement after it sees what others have committed meanwhile.
  await runStatement(
    tx,
    Prisma.sql`
      SELECT 1 AS one FROM job WHERE id IN (SELECT d.job_id FROM job_dependency d WHERE ${which})
      ORDER BY id FOR UPDATE`,
  );
  const looked = await runStatement<{ id: bigint }>(
    tx,
    Prisma.sql`
      SELECT j.id FROM job j WHERE j.id IN (SELECT d.job_id FROM job_dependency d WHERE ${which})
        AND j.state = 'pending' AND j.lease_worker_id IS NULL`,
  );
  const ids = looked.map((row) => row.id);
  const open = await openDependencies(tx, ids);
  const files = await fileWaits(
    tx,
    ids.filter((id) => !open.has(id)),
  );
  const waits = ids.map((id) => {
    const dependency = open.get(id);
    return dependency ? dependencyWait(dependency.public_id, dependency.state) : (files.get(id) ?? null);
  });
  const changed = await runStatement<{ claimable: boolean }>(
    tx,
    Prisma.sql`
      UPDATE job j SET claimable = w.code IS NULL, waiting_code = w.code, waiting_reason = w.text
      FROM unnest(${ids}::bigint[], ${waits.map((wait) => wait?.code ?? null)}::text[],
        ${waits.map((wait) => wait?.text ?? null)}::text[]) AS w(id, code, text)
      WHERE j.id = w.id AND (j.claimable, j.waiting_reason) IS DISTINCT FROM (w.code IS NULL, w.text)
      RETURNING j.claimable`,
  );
  const freed = changed.filter((row) => row.claimable).length;
  if (freed > 0) await announceClaimable(tx);
  return freed;
}
