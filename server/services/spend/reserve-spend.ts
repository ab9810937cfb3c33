// Money first (invariant 11): before a model call its upper cost is reserved in the transaction that allows it.
// Everything that belongs to a root job draws on the root's cap and on its team's day.
import type { Db, Tx } from "../../db";
import { MIN_ANSWER_TOKENS, toMicro } from "../../domain/money";
import type { Role } from "../../domain/roles";
import { env } from "../../env";
import type { Job } from "../../generated/prisma/client";
import { type Price, tokensFor, upperBoundMicro } from "../../models/prices";

/** After this long past a call's deadline an unsettled reservation is charged in full, in seconds. */
export const GRACE_SECONDS = 60;

export interface ReserveSpend {
  job: Job;
  /** Unique for this one call. */
  key: string;
  role: Role;
  provider: string;
  model: string;
  price: Price;
  /** Upper bound of the tokens that go in. */
  inputTokens: number;
  /** What the role may answer at most, in tokens. */
  maxTokens: number;
  /** When the call will have ended for sure, in milliseconds from now. */
  timeoutMs: number;
}

export type Reservation =
  | { allowed: true; maxTokens: number }
  /** `waits`: only others' open calls stand in the way. `cap`: the money is spent. */
  | { allowed: false; why: "waits" | "cap"; message: string };

/** Reserves the upper cost of one call, or says why not. */
export async function reserveSpend(db: Db, request: ReserveSpend): Promise<Reservation> {
  return db.$transaction(async (tx) => {
    const rootId = request.job.rootId ?? request.job.id;
    const { day, root, team } = await lockBudgets(tx, rootId, request.job.teamId);
    const limit = request.maxTokens;
    const enough = Math.min(MIN_ANSWER_TOKENS, limit);
    const buys = (micro: bigint) =>
      Math.min(limit, tokensFor(request.price, Number(micro), request.inputTokens));
    const free = smaller(root.cap - root.spent - root.reserved, team.cap - team.spent - team.reserved);
    const maxTokens = buys(free);
    if (maxTokens < enough) {
      const unspent = smaller(root.cap - root.spent, team.cap - team.spent);
      if (buys(unspent) >= enough)
        return { allowed: false, why: "waits", message: "other calls hold the rest of the budget" };
      const whose = root.cap - root.spent <= team.cap - team.spent ? "of this job" : "of the team's day";
      return { allowed: false, why: "cap", message: `The budget ${whose} does not buy another answer.` };
    }
    const reserved = BigInt(upperBoundMicro(request.price, { inputTokens: request.inputTokens, maxTokens }));
    await tx.spend.create({
      data: {
        key: request.key,
        teamId: request.job.teamId,
        rootJobId: rootId,
        jobId: request.job.id,
        run: request.job.run,
        role: request.role,
        provider: request.provider,
        model: request.model,
        day,
        reservedMicro: reserved,
        deadline: new Date(Date.now() + request.timeoutMs),
      },
    });
    await tx.$executeRaw`UPDATE job SET reserved_micro_usd = reserved_micro_usd + ${reserved} WHERE id = ${rootId}`;
    await tx.$executeRaw`
      UPDATE daily_spend SET reserved_micro = reserved_micro + ${reserved}
      WHERE team_id = ${request.job.teamId} AND day = ${day}::date`;
    return { allowed: true, maxTokens };
  });
}

interface Budget {
  cap: bigint;
  spent: bigint;
  reserved: bigint;
}

/** Locks always in the same order, root job before team day, so that two calls cannot block each other. */
async function lockBudgets(
  tx: Tx,
  rootId: bigint,
  teamId: bigint,
): Promise<{ day: Date; root: Budget; team: Budget }> {
  const [root] = await tx.$queryRaw<Budget[]>`
    SELECT budget_micro_usd AS cap, spent_micro_usd AS spent, reserved_micro_usd AS reserved
    FROM job WHERE id = ${rootId} FOR UPDATE`;
  await tx.$executeRaw`
    INSERT INTO daily_spend (team_id, day) VALUES (${teamId}, (now() AT TIME ZONE 'UTC')::date) ON CONFLICT DO NOTHING`;
  const [daily] = await tx.$queryRaw<{ day: Date; spent: bigint; reserved: bigint; cap: bigint | null }[]>`
    SELECT d.day, d.spent_micro AS spent, d.reserved_micro AS reserved, t.budget_day_micro_usd AS cap
    FROM daily_spend d JOIN team t ON t.id = d.team_id
    WHERE d.team_id = ${teamId} AND d.day = (now() AT TIME ZONE 'UTC')::date FOR UPDATE OF d`;
  if (!root || !daily) throw new Error("budget rows are missing");
  const cap = daily.cap ?? toMicro(env().BUDGET_DAY_USD);
  return { day: daily.day, root, team: { cap, spent: daily.spent, reserved: daily.reserved } };
}

const smaller = (a: bigint, b: bigint) => (a < b ? a : b);
