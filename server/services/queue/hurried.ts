// Commits that nobody waits for. The log of the database is written in one order, so whatever commits later and is
// waited for brings these along: a loss can only concern what nothing durable has been built upon.
import { type Db, runPlanned } from "../../db";
import { Prisma } from "../../generated/prisma/client";
import { template } from "../../template";

/** A part of a WITH, to be joined: the statement's transaction ends without waiting for the disk. */
export const HURRIED = Prisma.sql`hurried AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))`;

/** Writes a line without meaning into that log, and ends when it is on disk with all that was committed before. */
export const TO_DISK = template(
  () => Prisma.sql`SELECT pg_logical_emit_message(true, 'fabrica', '')::text AS at`,
)(null);

const TO_DISK_WITH = template(
  (job) => Prisma.sql`
    SELECT EXISTS (SELECT 1 FROM job WHERE id = ${job}::bigint) AS there,
      pg_logical_emit_message(true, 'fabrica', '')::text AS at`,
);

/**
 * A job that was read may be a commit that nobody waited for; behind this it is on disk.
 * @param job internal id
 * @returns false when a crash of the database has taken it back since it was read
 */
export async function bringToDisk(db: Db, job: bigint): Promise<boolean> {
  const [row] = await runPlanned<{ there: boolean }>(db, TO_DISK_WITH(String(job)));
  return row?.there ?? false;
}
