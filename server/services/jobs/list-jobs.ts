// The team's jobs, newest first, paged by key: a page costs the same wherever it lies.
import type { z } from "zod";
import type { Ctx } from "../../context";
import { AppError } from "../../domain/errors";
import type { ListJobsInput } from "../../domain/inputs";
import type { jobPage } from "../../domain/outputs";
import { JOB_VIEW_PARTS, toJobViews } from "./job-view";

const LAST_KEY = 2n ** 63n - 1n;

/** @throws AppError `bad_request` for a cursor that no page gave */
export async function listJobs({
  ctx: { db, actor },
  input: { state, search, project, parent, limit, cursor },
}: {
  ctx: Ctx;
  input: ListJobsInput;
}): Promise<z.infer<typeof jobPage>> {
  const before = cursor === undefined ? LAST_KEY : BigInt(cursor);
  if (before > LAST_KEY) throw new AppError("bad_request", "The field cursor is not a cursor of this list.");
  const rows = await db.job.findMany({
    where: {
      teamId: actor.teamId,
      id: { lt: before },
      ...(parent ? { parent: { publicId: parent } } : { parentId: null }),
      ...(state ? { state } : {}),
      ...(project ? { project: { name: project, archivedAt: null } } : {}),
      ...(search ? { OR: [{ title: containing(search) }, { publicId: containing(search) }] } : {}),
    },
    include: JOB_VIEW_PARTS,
    orderBy: { id: "desc" },
    take: limit + 1,
  });
  const page = rows.slice(0, limit);
  const more = rows.length > limit ? page.at(-1) : undefined;
  return { jobs: await toJobViews(db, page), next_cursor: more ? String(more.id) : null };
}

/** Prisma passes % and _ on as wildcards, so they are escaped here. */
function containing(text: string) {
  return { contains: text.replace(/[\\%_]/g, "\\$&"), mode: "insensitive" as const };
}
