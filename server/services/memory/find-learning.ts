import type { Ctx } from "../../context";
import { AppError } from "../../domain/errors";
import type { Learning } from "../../generated/prisma/client";

/**
 * A learning of the actor's own team by its id.
 * @throws AppError `not_found`, also for another team's: its existence is nobody else's business
 */
export async function findLearning({ db, actor }: Pick<Ctx, "db" | "actor">, id: string): Promise<Learning> {
  const learning = await db.learning.findFirst({
    where: { id: BigInt(id), teamId: actor.teamId, deletedAt: null },
  });
  if (!learning) throw noSuchLearning(id);
  return learning;
}

export const noSuchLearning = (id: string) =>
  new AppError("not_found", `There is no learning ${id} in this team.`);
