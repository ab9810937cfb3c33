// Opaque tokens of 256 random bits. Only their SHA-256 is stored, so a stolen database opens no session.
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** A new token and what is stored of it. */
export function newSecretToken(prefix: string): { token: string; hash: string } {
  const token = prefix + randomBytes(32).toString("base64url");
  return { token, hash: hashToken(token) };
}

/** SHA-256 in hex. No salt and no stretching is needed for random tokens. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** Compares two secrets without telling by the time taken where they differ. */
export function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(createHash("sha256").update(a).digest(), createHash("sha256").update(b).digest());
}
