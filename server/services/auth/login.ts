// Sign-in of a program: password in, tokens out.
import type { z } from "zod";
import type { loginInput } from "../../domain/inputs";
import type { tokensView } from "../../domain/outputs";
import { ACCESS_SECONDS, type SessionClaims, signAccessToken } from "./access-token";
import { openSession } from "./open-session";
import { type VisitorCtx, verifyLogin } from "./verify-login";

export type TokensView = z.infer<typeof tokensView>;

/** @throws AppError as {@link verifyLogin} */
export async function login({
  ctx,
  input,
}: {
  ctx: VisitorCtx;
  input: z.infer<typeof loginInput>;
}): Promise<TokensView> {
  const user = await verifyLogin({ ctx, input });
  const { family, refreshToken } = await openSession(ctx.db, user);
  return tokensFor({ userId: user.id, teamId: user.teamId, epoch: user.epoch, family }, refreshToken);
}

/** The answer of login and refresh. `expires_in` is seconds. */
export async function tokensFor(claims: SessionClaims, refreshToken: string): Promise<TokensView> {
  return {
    access_token: await signAccessToken(claims),
    refresh_token: refreshToken,
    token_type: "Bearer",
    expires_in: ACCESS_SECONDS,
  };
}
