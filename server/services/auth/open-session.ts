// Begins a sign-in: a family of refresh tokens. Access tokens and browser sessions live as long as their family.
import { randomUUID } from "node:crypto";
import type { Db, Tx } from "../../db";
import { newSecretToken } from "./secret-token";
import type { KnownUser } from "./verify-login";

export const REFRESH_DAYS = 30;

/** Stores a fresh refresh token. @returns the token itself, which is kept nowhere else */
export async function addRefreshToken(
  at: Db | Tx,
  owner: { userId: bigint; teamId: bigint; family: string },
): Promise<string> {
  const { token, hash } = newSecretToken("far_");
  const expiresAt = new Date(Date.now() + REFRESH_DAYS * 86_400_000);
  await at.refreshToken.create({ data: { ...owner, hash, expiresAt } });
  return token;
}

/** Begins a sign-in of a user whose password was checked. */
export async function openSession(
  db: Db,
  user: KnownUser,
): Promise<{ family: string; refreshToken: string }> {
  const family = randomUUID();
  // Dead tokens of the same user go when a new one comes; nothing else needs them.
  await db.refreshToken.deleteMany({ where: { userId: user.id, expiresAt: { lt: new Date() } } });
  const refreshToken = await addRefreshToken(db, { userId: user.id, teamId: user.teamId, family });
  return { family, refreshToken };
}

/** Ends a sign-in: its refresh token, access tokens and browser session are worth nothing from now on. */
export async function endSession(at: Db | Tx, family: string): Promise<void> {
  await at.refreshToken.deleteMany({ where: { family } });
}
