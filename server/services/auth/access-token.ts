// The access token: a JWT for 15 minutes. It names a sign-in (`sid`); when that is over, so is the token.
import { jwtVerify, SignJWT } from "jose";
import { deriveKey } from "./keys";

export const ACCESS_SECONDS = 15 * 60;
const ISSUER = "fabrica";
const AUDIENCE = "fabrica-api";

/** What every session, by token or by cookie, is tied to. */
export interface SessionClaims {
  userId: bigint;
  teamId: bigint;
  /** Must equal the user's; raising that ends all sessions. */
  epoch: number;
  /** Family of refresh tokens that this sign-in began. */
  family: string;
}

export function signAccessToken({ userId, teamId, epoch, family }: SessionClaims): Promise<string> {
  return new SignJWT({ team: String(teamId), epoch, sid: family })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(String(userId))
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(`${ACCESS_SECONDS} s`)
    .sign(deriveKey("access"));
}

/** The claims, or null when the token is not one of ours, altered, not yet valid or expired. */
export async function readAccessToken(token: string): Promise<SessionClaims | null> {
  try {
    // One key and one algorithm, whatever the header of the token says about either.
    const { payload } = await jwtVerify(token, deriveKey("access"), {
      algorithms: ["HS256"],
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ["sub", "exp", "team", "epoch", "sid"],
    });
    return toClaims(payload);
  } catch {
    return null;
  }
}

/** Reads the claims that a token and a browser session share; null when they are not of the right shape. */
export function toClaims(payload: Record<string, unknown>): SessionClaims | null {
  const { sub, team, epoch, sid } = payload;
  if (!isId(sub) || !isId(team) || typeof sid !== "string") return null;
  if (typeof epoch !== "number" || !Number.isInteger(epoch)) return null;
  return { userId: BigInt(sub), teamId: BigInt(team), epoch, family: sid };
}

function isId(value: unknown): value is string {
  return typeof value === "string" && /^[1-9]\d{0,17}$/.test(value);
}
