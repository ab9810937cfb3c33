// From a request to the person behind it: bearer token first, else the browser's session cookie.
// A cookie alone never changes anything for a request that another site caused.
import { decode } from "next-auth/jwt";
import type { Actor } from "../context";
import { type Db, db as processDb } from "../db";
import { AppError } from "../domain/errors";
import { env } from "../env";
import { readAccessToken, toClaims } from "../services/auth/access-token";
import { actorOfApiToken, actorOfSession } from "../services/auth/actor";
import { deriveKey } from "../services/auth/keys";

export interface Identity {
  actor: Actor;
  via: "access_token" | "api_token" | "cookie";
  /** Names the token or session, for limits. */
  key: string;
  /** The sign-in behind it; null for API tokens. */
  family: string | null;
}

const SAFE_METHODS = ["GET", "HEAD", "OPTIONS"];
const COOKIE_NAMES = ["__Secure-next-auth.session-token", "next-auth.session-token"];

/** Secret of the browser's session cookie. */
export function sessionSecret(): string {
  return Buffer.from(deriveKey("session")).toString("base64url");
}

/**
 * Who sent these headers; null when they carry no proof at all.
 * @throws AppError `unauthorized` for a proof that is not good, `forbidden` for a cookie sent by another site
 */
export async function resolveIdentity(db: Db, headers: Headers, method: string): Promise<Identity | null> {
  const authorization = headers.get("authorization");
  if (authorization !== null) return fromBearer(db, authorization);
  const cookie = sessionCookie(headers.get("cookie") ?? "");
  if (cookie === null) return null;
  const identity = await fromCookie(db, cookie);
  if (identity && !SAFE_METHODS.includes(method.toUpperCase()) && !isSameSite(headers)) {
    throw new AppError("forbidden", "This request was caused by another site and was not carried out.");
  }
  return identity;
}

/** Who looks at the page being rendered; null for a stranger and for a session that is over. */
export async function resolveSession(): Promise<Actor | null> {
  // Only there while Next renders, so it is loaded only then.
  const { headers } = await import("next/headers");
  try {
    return (await resolveIdentity(processDb(), await headers(), "GET"))?.actor ?? null;
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

async function fromBearer(db: Db, authorization: string): Promise<Identity> {
  const token = /^Bearer ([\w.~+/=-]{1,2000})$/i.exec(authorization)?.[1];
  if (token?.startsWith("fab_")) {
    const found = await actorOfApiToken(db, token);
    if (found) return { actor: found.actor, via: "api_token", key: `api:${found.id}`, family: null };
  } else if (token) {
    const claims = await readAccessToken(token);
    const actor = claims && (await actorOfSession(db, claims));
    if (actor) return { actor, via: "access_token", key: `access:${claims.family}`, family: claims.family };
  }
  throw new AppError("unauthorized", "The token is not valid (any more). Sign in again.");
}

async function fromCookie(db: Db, cookie: string): Promise<Identity | null> {
  const payload = await decode({ token: cookie, secret: sessionSecret() }).catch(() => null);
  const claims = payload && toClaims(payload);
  const actor = claims && (await actorOfSession(db, claims));
  return actor ? { actor, via: "cookie", key: `cookie:${claims.family}`, family: claims.family } : null;
}

function sessionCookie(header: string): string | null {
  for (const pair of header.split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name && value && COOKIE_NAMES.includes(name)) return value;
  }
  return null;
}

/** Browsers send at least one of the two headers with every request that can change something. */
function isSameSite(headers: Headers): boolean {
  const site = headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin";
  const origin = headers.get("origin");
  if (origin === null || !URL.canParse(origin)) return false;
  const { PUBLIC_URL } = env();
  if (PUBLIC_URL) return new URL(origin).origin === new URL(PUBLIC_URL).origin;
  return new URL(origin).host === headers.get("host");
}
