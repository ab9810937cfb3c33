import { type Ctx, requireRole } from "../../context";
import { eraseLearning } from "../../memory/learning-rows";
import { findLearning, noSuchLearning } from "./find-learning";

/**
 * Deletes a learning: no agent is told it again, and no job brings it back; a person may.
 * @throws AppError `forbidden` (members), `not_found`
 */
export async function deleteLearning({
  ctx,
  input: { id },
}: {
  ctx: Ctx;
  input: { id: string };
}): Promise<{ deleted: true }> {
  requireRole(ctx.actor, "member");
  const present = await findLearning(ctx, id);
  if (!(await eraseLearning(ctx.db, ctx.actor.teamId, present.id))) throw noSuchLearning(id);
  return { deleted: true };
}
