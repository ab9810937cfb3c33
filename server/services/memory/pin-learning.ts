import { type Ctx, requireRole } from "../../context";
import type { LearningView } from "../../domain/learning";
import { findLearning, noSuchLearning } from "./find-learning";
import { toLearningView } from "./learning-view";

/**
 * Pins a learning, so that it comes before others, or takes the pin away.
 * @throws AppError `forbidden` (members), `not_found`
 */
export async function pinLearning({
  ctx,
  input: { id },
  pinned,
}: {
  ctx: Ctx;
  input: { id: string };
  pinned: boolean;
}): Promise<LearningView> {
  requireRole(ctx.actor, "member");
  const present = await findLearning(ctx, id);
  const [changed] = await ctx.db.learning.updateManyAndReturn({
    where: { id: present.id, teamId: ctx.actor.teamId, deletedAt: null },
    data: { pinned },
  });
  if (!changed) throw noSuchLearning(id);
  return toLearningView(ctx.db, changed);
}
