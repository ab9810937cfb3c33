// Files a project: an existing repository, and what jobs that change it need to know.
import { type Ctx, requireRole } from "../../context";
import { AppError } from "../../domain/errors";
import { toMicro } from "../../domain/money";
import type { CreateProjectInput, ProjectView } from "../../domain/project";
import { Prisma } from "../../generated/prisma/client";
import { checkedAddress } from "./project-remote";
import { sealToken } from "./project-token";
import { toProjectView } from "./project-view";

/** Keeps lists whole and quick. */
const MOST_PER_TEAM = 500;

/**
 * Creates a project of the actor's team; nothing is asked of the repository yet.
 * @throws AppError `forbidden` (admins only), `bad_request` (an address that may not be used), `conflict` (the name is taken, too many projects)
 */
export async function createProject({
  ctx: { db, actor },
  input,
}: {
  ctx: Ctx;
  input: CreateProjectInput;
}): Promise<ProjectView> {
  requireRole(actor, "admin");
  const repositoryUrl = checkedAddress(input.repository_url);
  const present = await db.project.count({ where: { teamId: actor.teamId, archivedAt: null } });
  if (present >= MOST_PER_TEAM)
    throw new AppError("conflict", `There are ${MOST_PER_TEAM} projects already; archive one first.`);
  // The seal holds the row's id, so that is drawn first.
  const [row] = await db.$queryRaw<{ id: bigint }[]>`SELECT nextval('project_id_seq') AS id`;
  if (!row) throw new Error("A sequence gave no number.");
  const place = { id: row.id, teamId: actor.teamId, repositoryUrl };
  const sealedToken = await sealToken(input.token, place);
  try {
    const project = await db.project.create({
      data: {
        ...place,
        sealedToken,
        createdById: actor.userId,
        name: input.name,
        defaultBranch: input.default_branch,
        folder: input.folder,
        username: input.username,
        setupCommand: input.setup_command,
        lintCommand: input.lint_command,
        testCommand: input.test_command,
        budgetMicroUsd: input.budget_usd === null ? null : toMicro(input.budget_usd),
        maxFixes: input.max_fixes,
        models: input.models,
        fallbackModels: input.fallback_models,
        image: input.image,
      },
    });
    return await toProjectView(db, project);
  } catch (error) {
    if (!(error instanceof Prisma.PrismaClientKnownRequestError && error.code === "P2002")) throw error;
    throw new AppError("conflict", `There is a project ${input.name} in this team already.`);
  }
}
