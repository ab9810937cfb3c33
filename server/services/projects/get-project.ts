import type { Ctx } from "../../context";
import type { ProjectView } from "../../domain/project";
import { findProject } from "./find-project";
import { toProjectView } from "./project-view";

/** @throws AppError `not_found` */
export async function getProject({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: { name: string };
}): Promise<ProjectView> {
  return toProjectView(ctx.db, await findProject(ctx, input.name));
}
