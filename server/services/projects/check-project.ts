// Looks at a project's repository now, and keeps what was found. Nothing of the repository is run.
import { type Ctx, requireRole } from "../../context";
import { AppError } from "../../domain/errors";
import type { DetectedProject, ProjectView } from "../../domain/project";
import type { Project } from "../../generated/prisma/client";
import { refreshMirror, requireBranch } from "../../workspaces/mirror";
import { redactAll } from "../redact";
import { findProject } from "./find-project";
import { lookAtCommit } from "./look-at-commit";
import { projectMirror } from "./project-mirror";
import { projectRemote, refusalOfRemote, remoteRules } from "./project-remote";
import { toProjectView } from "./project-view";

/**
 * @throws AppError `forbidden` (members only), `not_found`, `unprocessable` (why the repository cannot be read),
 *   `conflict` (the project was changed meanwhile)
 */
export async function checkProject({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: { name: string };
}): Promise<ProjectView> {
  requireRole(ctx.actor, "member");
  const project = await findProject(ctx, input.name);
  const detected = await lookAtProject(project).catch((error: unknown) => {
    throw refusalOfRemote(error);
  });
  const { id, teamId, defaultBranch, folder } = project;
  const [checked] = await ctx.db.project.updateManyAndReturn({
    where: { id, teamId, defaultBranch, folder, archivedAt: null },
    data: { detected, checkedAt: new Date() },
  });
  if (!checked)
    throw new AppError("conflict", `Project ${input.name} was changed meanwhile; look at it again.`);
  return toProjectView(ctx.db, checked);
}

async function lookAtProject(project: Project): Promise<DetectedProject> {
  const dir = projectMirror(project);
  const state = await refreshMirror(dir, await projectRemote(project), remoteRules());
  const { name, commit } = requireBranch(state, project.defaultBranch);
  return { branch: redactAll(name), commit, ...(await lookAtCommit(dir, commit, project.folder)) };
}
