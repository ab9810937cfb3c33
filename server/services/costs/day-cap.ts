import { type Db, runStatement } from "../../db";
import { toMicro, toUsd } from "../../domain/money";
import { env } from "../../env";
import { Prisma } from "../../generated/prisma/client";

export interface DayCap {
  budget_usd: number;
  spent_usd: number;
  reserved_usd: number;
  /** Whether the team has a cap of its own. */
  own: boolean;
}

/** The cap of a team's day (UTC), and what has gone of it. */
export async function dayCapOf(db: Db, teamId: bigint): Promise<DayCap> {
  const [row] = await runStatement<{ cap: bigint | null; spent: bigint | null; reserved: bigint | null }>(
    db,
    Prisma.sql`
      SELECT t.budget_day_micro_usd AS cap, d.spent_micro AS spent, d.reserved_micro AS reserved FROM team t
      LEFT JOIN daily_spend d ON d.team_id = t.id AND d.day = (now() AT TIME ZONE 'UTC')::date
      WHERE t.id = ${teamId}::bigint`,
  );
  const cap = row?.cap ?? null;
  return {
    budget_usd: toUsd(cap ?? toMicro(env().BUDGET_DAY_USD)),
    spent_usd: toUsd(row?.spent ?? 0n),
    reserved_usd: toUsd(row?.reserved ?? 0n),
    own: cap !== null,
  };
}
