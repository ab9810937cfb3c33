// Ends the sign-in with which the request came.
import type { Ctx } from "../../context";
import { AppError } from "../../domain/errors";
import { endSession } from "./open-session";

/** @throws AppError `bad_request` for an API token, which is revoked and not signed out */
export async function logout({ ctx, family }: { ctx: Ctx; family: string | null }): Promise<{ ok: true }> {
  if (!family) throw new AppError("bad_request", "An API token cannot sign out; revoke it instead.");
  await endSession(ctx.db, family);
  return { ok: true };
}
