// The limit on requests, and the headers that tell a client how much of it is left.
import type { Db } from "../db";
import { AppError } from "../domain/errors";
import { countRequest, type Verdict } from "../services/limits/rate-limit";
import type { Identity } from "./resolve-actor";

/**
 * Counts a request for its token or session, else for its address.
 * @returns headers for the answer
 * @throws RateLimited over the limit
 */
export async function limitRequest(
  db: Db,
  identity: Identity | null,
  address: string,
  cost = 1,
): Promise<Record<string, string>> {
  const name = identity === null ? "address" : identity.via === "cookie" ? "session" : "token";
  const verdict = await countRequest(db, name, identity?.key ?? address, cost);
  const headers = limitHeaders(verdict);
  if (!verdict.allowed) throw new RateLimited(verdict, headers);
  return headers;
}

/** 429 with the headers of the limit. */
export class RateLimited extends AppError {
  constructor(
    verdict: Verdict,
    readonly headers: Record<string, string>,
  ) {
    super(
      "rate_limited",
      `More than ${verdict.limit} requests in ${verdict.windowSeconds} seconds. Try again in ${verdict.resetSeconds} seconds.`,
      verdict.resetSeconds,
    );
  }
}

function limitHeaders({ limit, remaining, resetSeconds, windowSeconds }: Verdict): Record<string, string> {
  return {
    "RateLimit-Limit": String(limit),
    "RateLimit-Remaining": String(remaining),
    "RateLimit-Reset": String(resetSeconds),
    "RateLimit-Policy": `${limit};w=${windowSeconds}`,
  };
}
