import type { z } from "zod";
import type { Ctx } from "../../context";
import { type apiTokenView, toApiTokenView } from "./create-api-token";

/** The asker's own tokens in this team that still work, newest first. */
export async function listApiTokens({
  ctx: { db, actor },
}: {
  ctx: Ctx;
}): Promise<{ tokens: z.infer<typeof apiTokenView>[] }> {
  const rows = await db.apiToken.findMany({
    where: { userId: actor.userId, teamId: actor.teamId, revokedAt: null },
    orderBy: { id: "desc" },
  });
  return { tokens: rows.map(toApiTokenView) };
}
