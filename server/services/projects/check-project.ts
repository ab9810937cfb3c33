// Looks at a project's repository now, and keeps what was found.
import { type Ctx, requireRole } from "../../context";
import { AppError } from "../../domain/errors";
import type { ProjectView } from "../../domain/project";
import { findProject } from "./find-project";

/** @throws AppError `forbidden` (members only), `not_found`, `unprocessable` (the repository cannot be read, with the reason) */
export async function checkProject({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: { name: string };
}): Promise<ProjectView> {
  requireRole(ctx.actor, "member");
  await findProject(ctx, input.name);
  throw new AppError("unavailable", "Repositories cannot be looked at yet.");
}
