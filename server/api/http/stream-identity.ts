// Who opens a stream. Asked before the first byte, and again while it is open.
import type { Db } from "../../db";
import { AppError } from "../../domain/errors";
import { type Identity, resolveIdentity } from "../resolve-actor";

/**
 * @param allowed names that the query may have; a token there would end up in logs and histories
 * @throws AppError `bad_request`, `unauthorized`
 */
export async function streamIdentity(
  db: Db,
  request: Request,
  allowed: readonly string[],
): Promise<Identity> {
  for (const name of new URL(request.url).searchParams.keys()) {
    if (!allowed.includes(name)) {
      throw new AppError(
        "bad_request",
        `There is no parameter ${name.slice(0, 80)} here. Tokens go into the header.`,
      );
    }
  }
  const identity = await resolveIdentity(db, request.headers, request.method);
  if (!identity) throw new AppError("unauthorized", "Sign in first: this needs a token or a session.");
  return identity;
}

/** Whether the same proof still opens the same team's door. */
export async function stillThere(db: Db, request: Request, identity: Identity): Promise<boolean> {
  try {
    const now = await resolveIdentity(db, request.headers, request.method);
    return now?.actor.userId === identity.actor.userId && now.actor.teamId === identity.actor.teamId;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}
