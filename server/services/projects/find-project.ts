import type { Ctx } from "../../context";
import { AppError } from "../../domain/errors";
import type { Project } from "../../generated/prisma/client";

/**
 * A project of the actor's own team by its name, if it is not put away.
 * @throws AppError `not_found`, also for another team's project: its existence is nobody else's business
 */
export async function findProject({ db, actor }: Pick<Ctx, "db" | "actor">, name: string): Promise<Project> {
  const project = await db.project.findFirst({ where: { teamId: actor.teamId, name, archivedAt: null } });
  if (!project) throw noSuchProject(name);
  return project;
}

export const noSuchProject = (name: string) =>
  new AppError("not_found", `There is no project ${name} in this team.`);
