// The rows behind the locks of a project. Whoever takes, drops or compares them holds the project's lock, so that
// "what is held" and "who waits for it" cannot part; rows of jobs are locked before it or skipped, never waited for.
import { type Db, runStatement, type Tx } from "../../db";
import { env } from "../../env";
import { Prisma } from "../../generated/prisma/client";
import { type HeldFile, HeldFiles } from "./held-files";

/** Key of the advisory lock of one project's files, beside the project's id: ASCII of "file". */
const FILES_LOCK = 0x66696c65;

/** Lets one transaction at a time work on the locks of a project. A statement after it sees what the last one committed. */
export async function lockProject(tx: Tx, project: bigint): Promise<void> {
  await runStatement(
    tx,
    Prisma.sql`SELECT pg_advisory_xact_lock(${FILES_LOCK}::int, ${Number(project)}::int)::text AS locked`,
  );
}

/** Whether the lock `l` holds: its time is not over, or somebody works under it at this moment. */
export const HOLDS = Prisma.sql`
  (l.until > now() OR l.job_id IN (SELECT COALESCE(root_id, id) FROM job WHERE lease_worker_id IS NOT NULL))`;

/** When a lock ends that is taken or renewed now. */
export const newUntil = () => Prisma.sql`now() + make_interval(secs => ${env().FILE_LOCK_SECONDS}::float8)`;

/** What is held in each of some projects. */
export async function readHeld(at: Db | Tx, projects: readonly bigint[]): Promise<Map<bigint, HeldFiles>> {
  const rows = await runStatement<HeldFile & { project: bigint }>(
    at,
    Prisma.sql`
      SELECT l.project_id AS project, l.path, l.job_id AS root, o.public_id AS holder
      FROM file_lock l JOIN job o ON o.id = l.job_id
      WHERE l.project_id = ANY(${[...projects]}::bigint[]) AND ${HOLDS} ORDER BY l.id`,
  );
  const held = new Map(projects.map((project) => [project, new HeldFiles()]));
  for (const { project, ...file } of rows) held.get(project)?.add(file);
  return held;
}

/** The same for one project. */
export async function readHeldOf(at: Db | Tx, project: bigint): Promise<HeldFiles> {
  return (await readHeld(at, [project])).get(project) ?? new HeldFiles();
}

/** Drops the project's locks whose time is over. @returns how many */
export async function dropExpired(tx: Tx, project: bigint): Promise<number> {
  const dropped = await runStatement(
    tx,
    Prisma.sql`
      DELETE FROM file_lock WHERE id IN (
        SELECT l.id FROM file_lock l WHERE l.project_id = ${project}::bigint AND NOT ${HOLDS} FOR UPDATE)
      RETURNING id`,
  );
  return dropped.length;
}

/** Takes paths that are in nobody's way, or renews them. Under the project's lock. */
export async function insertLocks(
  tx: Tx,
  { project, root, paths, declared }: { project: bigint; root: bigint; paths: string[]; declared: boolean },
): Promise<void> {
  await runStatement(
    tx,
    Prisma.sql`
      INSERT INTO file_lock AS l (project_id, path, job_id, declared, until)
      SELECT ${project}::bigint, p.path, ${root}::bigint, ${declared}::boolean, ${newUntil()}
      FROM unnest(${paths}::text[]) AS p(path)
      ON CONFLICT (project_id, path) DO UPDATE
        SET until = excluded.until, declared = l.declared OR excluded.declared
        WHERE l.job_id = excluded.job_id`,
  );
}
