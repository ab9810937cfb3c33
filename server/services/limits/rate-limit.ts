// Counting of requests in Postgres, so that all app processes share the counts. Who is over a limit is also
// remembered in memory and costs no more queries until the window ends.
import { createHash } from "node:crypto";
import { RateLimiterPostgres, RateLimiterRes } from "rate-limiter-flexible";
import type { Db } from "../../db";
import { env } from "../../env";

/** Limits: requests, and the window in seconds. */
function limits() {
  const { RATE_LIMIT_REQUESTS, RATE_LIMIT_WINDOW } = env();
  return {
    token: { points: RATE_LIMIT_REQUESTS, seconds: RATE_LIMIT_WINDOW },
    address: { points: RATE_LIMIT_REQUESTS, seconds: RATE_LIMIT_WINDOW },
    session: { points: 1_000, seconds: RATE_LIMIT_WINDOW },
    login: { points: 5, seconds: 60 },
    login_address: { points: 60, seconds: 60 },
  };
}
export type LimitName = keyof ReturnType<typeof limits>;

export interface Verdict {
  allowed: boolean;
  limit: number;
  remaining: number;
  /** Seconds until the window ends, rounded up. */
  resetSeconds: number;
  windowSeconds: number;
}

const limiters = new WeakMap<Db, Map<LimitName, RateLimiterPostgres>>();

function limiterOf(db: Db, name: LimitName): RateLimiterPostgres {
  const known = limiters.get(db) ?? new Map<LimitName, RateLimiterPostgres>();
  limiters.set(db, known);
  const present = known.get(name);
  if (present) return present;
  const { points, seconds } = limits()[name];
  const limiter = new RateLimiterPostgres({
    storeClient: storeOf(db),
    storeType: "client",
    schemaName: "limits",
    tableName: "rate_limit",
    tableCreated: true,
    keyPrefix: name,
    points,
    duration: seconds,
    inMemoryBlockOnConsumed: points + 1,
  });
  known.set(name, limiter);
  return limiter;
}

/** The library speaks to a `pg` client; this gives it the pool that Prisma already has. */
function storeOf(db: Db) {
  return {
    async query({ text, values }: { text: string; values: unknown[] }) {
      const rows = await db.$queryRawUnsafe<{ points?: number; expire?: bigint | null }[]>(text, ...values);
      return {
        rowCount: rows.length,
        rows: rows.map((row) => ({ ...row, expire: row.expire == null ? null : Number(row.expire) })),
      };
    },
  };
}

/**
 * Counts `cost` requests of `key`.
 * @throws the driver's error when the database cannot be reached
 */
export async function countRequest(db: Db, name: LimitName, key: string, cost = 1): Promise<Verdict> {
  const { points, seconds } = limits()[name];
  const digest = createHash("sha256").update(key).digest("base64url");
  try {
    const result = await limiterOf(db, name).consume(digest, cost);
    return toVerdict(result, points, seconds, true);
  } catch (refusal) {
    if (refusal instanceof RateLimiterRes) return toVerdict(refusal, points, seconds, false);
    throw refusal;
  }
}

function toVerdict(result: RateLimiterRes, limit: number, windowSeconds: number, allowed: boolean): Verdict {
  const resetSeconds = Math.min(windowSeconds, Math.max(1, Math.ceil(result.msBeforeNext / 1000)));
  return { allowed, limit, remaining: Math.max(0, result.remainingPoints), resetSeconds, windowSeconds };
}
