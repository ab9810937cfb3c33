// Exchanges a refresh token, once. A token that comes a second time was copied, so the whole sign-in ends.
import type { z } from "zod";
import type { Db } from "../../db";
import { AppError } from "../../domain/errors";
import type { refreshInput } from "../../domain/inputs";
import { type TokensView, tokensFor } from "./login";
import { addRefreshToken, endSession } from "./open-session";
import { hashToken } from "./secret-token";

interface Taken {
  user_id: bigint;
  team_id: bigint;
  family: string;
}

/** @throws AppError `unauthorized` when the token is unknown, used or expired, or its user left the team */
export async function refreshSession({
  ctx: { db },
  input,
}: {
  ctx: { db: Db };
  input: z.infer<typeof refreshInput>;
}): Promise<TokensView> {
  const hash = hashToken(input.refresh_token);
  const done = await db.$transaction(async (tx) => {
    // Compare-and-set: of two exchanges at once exactly one gets the row.
    const [taken] = await tx.$queryRaw<Taken[]>`
      UPDATE refresh_token SET used_at = now()
      WHERE hash = ${hash} AND used_at IS NULL AND expires_at > now()
      RETURNING user_id, team_id, family`;
    if (!taken) {
      const copied = await tx.refreshToken.findFirst({ where: { hash, usedAt: { not: null } } });
      if (copied) await endSession(tx, copied.family);
      return null;
    }
    const owner = { userId: taken.user_id, teamId: taken.team_id, family: taken.family };
    const member = await tx.membership.findUnique({
      where: { userId_teamId: { userId: owner.userId, teamId: owner.teamId } },
      include: { user: true },
    });
    if (!member) return null;
    const token = await addRefreshToken(tx, owner);
    return { claims: { ...owner, epoch: member.user.sessionEpoch }, token };
  });
  if (!done) throw new AppError("unauthorized", "This sign-in is over. Sign in again.");
  return tokensFor(done.claims, done.token);
}
