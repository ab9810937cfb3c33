import type { z } from "zod";
import type { Ctx } from "../../context";
import { runStatement } from "../../db";
import type { locksView } from "../../domain/outputs";
import { Prisma } from "../../generated/prisma/client";
import { fileNeeds } from "./file-waits";
import { type HeldFile, HeldFiles } from "./held-files";
import { HOLDS } from "./project-locks";

/** Of so many the list is shown; more are counted only. */
const SHOWN = 1_000;

interface LockRow extends HeldFile {
  project: bigint;
  name: string;
  title: string;
  declared: boolean;
  until: Date;
  total: number;
}

/** The files that jobs of the team hold now, by project and path, with who waits for them. */
export async function listLocks({ ctx: { db, actor } }: { ctx: Ctx }): Promise<z.infer<typeof locksView>> {
  const rows = await runStatement<LockRow>(
    db,
    Prisma.sql`
      SELECT l.project_id AS project, p.name, l.path, l.job_id AS root, o.public_id AS holder, o.title, l.declared,
        l.until, count(*) OVER ()::int AS total
      FROM project p JOIN file_lock l ON l.project_id = p.id JOIN job o ON o.id = l.job_id
      WHERE p.team_id = ${actor.teamId}::bigint AND o.team_id = p.team_id AND ${HOLDS}
      ORDER BY p.name, l.path LIMIT ${SHOWN}::int`,
  );
  const projects = [...new Set(rows.map(({ project }) => project))];
  const waiting = await fileNeeds(
    db,
    Prisma.sql`j.waiting_code = 'files' AND j.project_id = ANY(${projects}::bigint[])`,
  );
  const locks = rows.map(({ project, name, path, root, holder, title, declared, until }) => {
    const lock = new HeldFiles([{ path, root, holder }]);
    const waits = waiting.filter(
      (need) => need.project === project && lock.conflictOf(need.root, need.paths),
    );
    return {
      project: name,
      path,
      job_id: holder,
      title,
      declared,
      until: until.toISOString(),
      waiting: waits.map(({ publicId }) => publicId),
    };
  });
  return { locks, total: rows[0]?.total ?? 0 };
}
