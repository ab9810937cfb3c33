// A person puts a learning right. What is left out stays as it is.
import { type Ctx, requireRole } from "../../context";
import { AppError } from "../../domain/errors";
import type { EditLearningInput, LearningKind, LearningView } from "../../domain/learning";
import { Prisma } from "../../generated/prisma/client";
import { findProject } from "../projects/find-project";
import { cleanLearning } from "./clean-learning";
import { findLearning, noSuchLearning } from "./find-learning";
import { toLearningView } from "./learning-view";

/** @throws AppError `forbidden` (members), `not_found`, `bad_request`, `conflict` (another one says the same) */
export async function editLearning({
  ctx,
  input: { id, project, ...told },
}: {
  ctx: Ctx;
  input: EditLearningInput;
}): Promise<LearningView> {
  requireRole(ctx.actor, "member");
  const present = await findLearning(ctx, id);
  const row = cleanLearning({
    kind: told.kind ?? (present.kind as LearningKind),
    title: told.title ?? present.title,
    text: told.text ?? present.text,
    stack: told.stack ?? present.stack,
    files: told.files ?? present.files,
  });
  if (!row) throw new AppError("bad_request", "Nothing is left of this text without what cannot be stored.");
  const where = { id: present.id, teamId: ctx.actor.teamId, deletedAt: null };
  const projectId = typeof project === "string" ? (await findProject(ctx, project)).id : project;
  try {
    const changed = await ctx.db.$transaction(async (tx) => {
      const [after] = await tx.learning.updateManyAndReturn({
        where,
        data: { ...row, editedAt: new Date(), ...(projectId === undefined ? {} : { projectId }) },
      });
      // What it means is another thing now, and is found out again.
      if (after && row.hash !== present.hash)
        await tx.learningVector.deleteMany({ where: { learningId: present.id } });
      return after;
    });
    if (!changed) throw noSuchLearning(id);
    return toLearningView(ctx.db, changed);
  } catch (error) {
    if (!(error instanceof Prisma.PrismaClientKnownRequestError && error.code === "P2002")) throw error;
    throw new AppError("conflict", "Another learning of this team says just that.");
  }
}
