// Puts a project away: its name is free again, its jobs keep what they need of it.
import { type Ctx, requireRole } from "../../context";
import { AppError } from "../../domain/errors";
import type { ProjectView } from "../../domain/project";
import { Prisma } from "../../generated/prisma/client";
import { findProject, noSuchProject } from "./find-project";
import { countOpenJobs, toProjectView } from "./project-view";

/** @throws AppError `forbidden` (admins only), `not_found`, `conflict` (jobs that are not settled work on it) */
export async function archiveProject({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: { name: string };
}): Promise<ProjectView> {
  requireRole(ctx.actor, "admin");
  const { teamId } = ctx.actor;
  const { id } = await findProject(ctx, input.name);
  const archived = await ctx.db.$transaction(async (tx) => {
    // A job that is being filed holds the row by its foreign key: wait for it, and then count it.
    await tx.$queryRaw(Prisma.sql`SELECT 1 FROM project WHERE id = ${id} FOR UPDATE`);
    const open = (await countOpenJobs(tx, teamId, [id])).get(id) ?? 0;
    if (open > 0) {
      const jobs = open === 1 ? "A job works" : `${open} jobs work`;
      throw new AppError(
        "conflict",
        `${jobs} on project ${input.name} or wait to; let them settle or cancel them first.`,
      );
    }
    const [row] = await tx.project.updateManyAndReturn({
      where: { id, teamId, archivedAt: null },
      data: { archivedAt: new Date(), sealedToken: null },
    });
    return row;
  });
  if (!archived) throw noSuchProject(input.name);
  return toProjectView(ctx.db, archived);
}
