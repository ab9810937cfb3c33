// Changes a project. What is left out stays as it is, null takes it away.
import { type Ctx, requireRole } from "../../context";
import { toMicro } from "../../domain/money";
import type { ProjectView, UpdateProjectInput } from "../../domain/project";
import { Prisma } from "../../generated/prisma/client";
import { findProject, noSuchProject } from "./find-project";
import { sealToken } from "./project-token";
import { toProjectView } from "./project-view";

/** @throws AppError `forbidden` (admins only), `not_found` */
export async function updateProject({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: UpdateProjectInput;
}): Promise<ProjectView> {
  requireRole(ctx.actor, "admin");
  const project = await findProject(ctx, input.name);
  const looksElsewhere =
    (input.default_branch !== undefined && input.default_branch !== project.defaultBranch) ||
    (input.folder !== undefined && input.folder !== project.folder);
  const [changed] = await ctx.db.project.updateManyAndReturn({
    where: { id: project.id, teamId: ctx.actor.teamId, archivedAt: null },
    data: {
      ...plainChanges(input),
      ...(input.token === undefined ? {} : { sealedToken: await sealToken(input.token, project) }),
      // What was found elsewhere says nothing about the new place.
      ...(looksElsewhere ? { detected: Prisma.DbNull, checkedAt: null } : {}),
    },
  });
  if (!changed) throw noSuchProject(input.name);
  return toProjectView(ctx.db, changed);
}

/** Prisma leaves alone what is undefined. */
function plainChanges(input: UpdateProjectInput) {
  const { budget_usd } = input;
  return {
    defaultBranch: input.default_branch,
    folder: input.folder,
    username: input.username,
    setupCommand: input.setup_command,
    lintCommand: input.lint_command,
    testCommand: input.test_command,
    budgetMicroUsd: typeof budget_usd === "number" ? toMicro(budget_usd) : budget_usd,
    maxFixes: input.max_fixes,
    models: input.models,
    fallbackModels: input.fallback_models,
    image: input.image,
  };
}
