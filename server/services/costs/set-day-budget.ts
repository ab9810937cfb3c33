import { type Ctx, requireRole } from "../../context";
import { runStatement } from "../../db";
import type { DayBudgetInput } from "../../domain/costs";
import { toMicro } from "../../domain/money";
import { Prisma } from "../../generated/prisma/client";
import { log } from "../../log";
import { type DayCap, dayCapOf } from "./day-cap";

/**
 * Sets what the team may spend a day (UTC). A cap below what is spent already stops the next call, and none that is under
 * way. Jobs that wait for tomorrow because of it look again soon; should it still not suffice, they wait again.
 * @throws AppError `forbidden` for all but admins
 */
export async function setDayBudget({ ctx, input }: { ctx: Ctx; input: DayBudgetInput }): Promise<DayCap> {
  requireRole(ctx.actor, "admin");
  const { teamId, username } = ctx.actor;
  const cap = input.budget_day_usd === null ? null : toMicro(input.budget_day_usd);
  await ctx.db.$transaction(async (tx) => {
    await tx.team.update({ where: { id: teamId }, data: { budgetDayMicroUsd: cap } });
    await runStatement(
      tx,
      Prisma.sql`
        UPDATE job SET wake_at = now()
        WHERE team_id = ${teamId}::bigint AND state = 'paused' AND waiting_code = 'day_budget'`,
    );
  });
  log.info({ team: ctx.actor.teamSlug, by: username, budgetDayUsd: input.budget_day_usd }, "day budget set");
  return dayCapOf(ctx.db, teamId);
}
