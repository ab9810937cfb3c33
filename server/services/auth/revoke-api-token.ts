import { z } from "zod";
import type { Ctx } from "../../context";
import { AppError } from "../../domain/errors";

export const apiTokenRef = z.strictObject({
  id: z.string().regex(/^[1-9]\d{0,17}$/, "not the id of an API token"),
});

/**
 * Makes one of the asker's own tokens worthless, from the next request on.
 * @throws AppError `not_found`, also for somebody else's token
 */
export async function revokeApiToken({
  ctx: { db, actor },
  input,
}: {
  ctx: Ctx;
  input: z.infer<typeof apiTokenRef>;
}): Promise<{ ok: true }> {
  const { count } = await db.apiToken.updateMany({
    where: { id: BigInt(input.id), userId: actor.userId, teamId: actor.teamId, revokedAt: null },
    data: { revokedAt: new Date() },
  });
  if (count === 0) throw new AppError("not_found", "There is no such API token of yours.");
  return { ok: true };
}
