import type { Ctx } from "../../context";
import type { LearningView } from "../../domain/learning";
import { findLearning } from "./find-learning";
import { toLearningView } from "./learning-view";

/** @throws AppError `not_found` */
export async function getLearning({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: { id: string };
}): Promise<LearningView> {
  return toLearningView(ctx.db, await findLearning(ctx, input.id));
}
