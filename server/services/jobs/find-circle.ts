// Whether jobs would wait for each other. Each job is looked at once, however many ways lead to it: a ladder of a hundred
// jobs has more ways than anybody could follow.
import { runStatement, type Tx } from "../../db";
import { Prisma } from "../../generated/prisma/client";

/**
 * The shortest way from one of `to` back to the job, along what they depend on.
 * @returns public ids from the job to itself, or null
 */
export async function findCircle(tx: Tx, job: bigint, to: readonly bigint[]): Promise<string[] | null> {
  const path = to.includes(job) ? [job] : wayTo(job, to, await dependenciesBelow(tx, job, to));
  if (!path) return null;
  const rows = await tx.job.findMany({ where: { id: { in: path } }, select: { id: true, publicId: true } });
  const names = new Map(rows.map(({ id, publicId }) => [id, publicId]));
  return [job, ...path].map((id) => names.get(id) ?? "");
}

interface Dependency {
  job: bigint;
  on: bigint;
}

/** What those below `to` depend on, when the job is among them; nothing when it is not. */
function dependenciesBelow(tx: Tx, job: bigint, to: readonly bigint[]): Promise<Dependency[]> {
  return runStatement<Dependency & Record<string, unknown>>(
    tx,
    Prisma.sql`
      WITH RECURSIVE below(id) AS (
        SELECT unnest(${[...to]}::bigint[])
        UNION
        SELECT e.depends_on_id FROM below b JOIN job_dependency e ON e.job_id = b.id WHERE b.id <> ${job}::bigint
      )
      SELECT e.job_id AS job, e.depends_on_id AS on FROM below b JOIN job_dependency e ON e.job_id = b.id
      WHERE b.id <> ${job}::bigint AND EXISTS (SELECT 1 FROM below WHERE id = ${job}::bigint)`,
  );
}

function wayTo(job: bigint, to: readonly bigint[], dependencies: readonly Dependency[]): bigint[] | null {
  const next = new Map<bigint, bigint[]>();
  for (const { job: id, on } of dependencies) next.set(id, [...(next.get(id) ?? []), on]);
  const before = new Map<bigint, bigint | null>(to.map((id) => [id, null]));
  // A map tells its keys in the order in which they came, those that come meanwhile included: nearest first.
  for (const at of before.keys()) {
    if (at === job) return wayBack(at, before);
    for (const on of next.get(at) ?? []) if (!before.has(on)) before.set(on, at);
  }
  return null;
}

function wayBack(end: bigint, before: ReadonlyMap<bigint, bigint | null>): bigint[] {
  const way: bigint[] = [];
  for (let at: bigint | null = end; at !== null; at = before.get(at) ?? null) way.unshift(at);
  return way;
}
