// Files a project: an existing repository, and what jobs that change it need to know.
import { type Ctx, requireRole } from "../../context";
import { AppError } from "../../domain/errors";
import { toMicro } from "../../domain/money";
import type { CreateProjectInput, ProjectView } from "../../domain/project";
import { Prisma } from "../../generated/prisma/client";
import { toProjectView } from "./project-view";

/** Keeps lists whole and quick. */
const MOST_PER_TEAM = 500;

/**
 * Creates a project of the actor's team; nothing is asked of the repository yet.
 * @throws AppError `forbidden` (admins only), `conflict` (the name is taken, too many projects)
 */
export async function createProject({
  ctx: { db, actor },
  input,
}: {
  ctx: Ctx;
  input: CreateProjectInput;
}): Promise<ProjectView> {
  requireRole(actor, "admin");
  const present = await db.project.count({ where: { teamId: actor.teamId, archivedAt: null } });
  if (present >= MOST_PER_TEAM)
    throw new AppError("conflict", `There are ${MOST_PER_TEAM} projects already; archive one first.`);
  try {
    const project = await db.project.create({
      data: {
        teamId: actor.teamId,
        createdById: actor.userId,
        name: input.name,
        repositoryUrl: input.repository_url,
        defaultBranch: input.default_branch,
        folder: input.folder,
        username: input.username,
        setupCommand: input.setup_command,
        lintCommand: input.lint_command,
        testCommand: input.test_command,
        budgetMicroUsd: input.budget_usd === null ? null : toMicro(input.budget_usd),
        maxFixes: input.max_fixes,
        models: input.models,
      },
    });
    return await toProjectView(db, project);
  } catch (error) {
    if (!(error instanceof Prisma.PrismaClientKnownRequestError && error.code === "P2002")) throw error;
    throw new AppError("conflict", `There is a project ${input.name} in this team already.`);
  }
}
