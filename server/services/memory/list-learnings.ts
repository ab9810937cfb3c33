// The team's learnings, newest first, paged by key.
import type { z } from "zod";
import type { Ctx } from "../../context";
import type { ListLearningsInput, learningPage } from "../../domain/learning";
import { toLearningViews } from "./learning-view";

/** What fits none of the filters is not there; a project or job of another team fits nothing. */
export async function listLearnings({
  ctx: { db, actor },
  input: { kind, project, stack, job, pinned, limit, cursor },
}: {
  ctx: Ctx;
  input: ListLearningsInput;
}): Promise<z.infer<typeof learningPage>> {
  const rows = await db.learning.findMany({
    where: {
      teamId: actor.teamId,
      deletedAt: null,
      ...(cursor === undefined ? {} : { id: { lt: BigInt(cursor) } }),
      ...(kind ? { kind } : {}),
      ...(project ? { project: { name: project, archivedAt: null } } : {}),
      ...(stack ? { stack: { has: stack } } : {}),
      ...(job ? { job: { publicId: job } } : {}),
      ...(pinned === undefined ? {} : { pinned: pinned === "true" }),
    },
    orderBy: { id: "desc" },
    take: limit + 1,
  });
  const page = rows.slice(0, limit);
  const more = rows.length > limit ? page.at(-1) : undefined;
  return { learnings: await toLearningViews(db, page), next_cursor: more ? String(more.id) : null };
}
