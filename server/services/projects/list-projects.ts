import type { Ctx } from "../../context";
import type { ProjectView } from "../../domain/project";
import { toProjectViews } from "./project-view";

/** The team's projects that are not put away, by name. A team has a few hundred at most, so there are no pages. */
export async function listProjects({ ctx: { db, actor } }: { ctx: Ctx }): Promise<{
  projects: ProjectView[];
}> {
  const projects = await db.project.findMany({
    where: { teamId: actor.teamId, archivedAt: null },
    orderBy: { name: "asc" },
  });
  return { projects: await toProjectViews(db, actor.teamId, projects) };
}
