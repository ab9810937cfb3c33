// Figures about the team's queue. Counts are of now, rates and times of the last 24 hours.
import type { Ctx } from "../../context";
import type { Db } from "../../db";
import { JOB_STATES } from "../../domain/job-state";
import { toUsd } from "../../domain/money";
import type { QueueStatsView } from "../../domain/outputs";
import { env } from "../../env";

interface FinishedRow {
  last_hour: number;
  wait_avg: number | null;
  wait_max: number | null;
  duration_avg: number | null;
  duration_max: number | null;
  success_rate: number | null;
}

export async function queueStats({ ctx: { db, actor } }: { ctx: Ctx }): Promise<QueueStatsView> {
  const { teamId } = actor;
  const [states, waiting, finished, day, team] = await Promise.all([
    db.job.groupBy({ by: ["state"], where: { teamId }, _count: { _all: true } }),
    db.job.count({ where: { teamId, claimable: true } }),
    finishedLately(db, teamId),
    db.dailySpend.findFirst({ where: { teamId, day: utcDay(new Date()) } }),
    db.team.findUniqueOrThrow({ where: { id: teamId }, select: { budgetDayMicroUsd: true } }),
  ]);
  const counts = Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as QueueStatsView["counts"];
  for (const { state, _count } of states) counts[state] = _count._all;
  return {
    counts,
    waiting,
    throughput_last_hour: finished.last_hour,
    wait_seconds: { avg: finished.wait_avg, max: finished.wait_max },
    duration_seconds: { avg: finished.duration_avg, max: finished.duration_max },
    success_rate: finished.success_rate,
    spent_today_usd: toUsd(day?.spentMicro ?? 0n),
    budget_day_usd: team.budgetDayMicroUsd === null ? env().BUDGET_DAY_USD : toUsd(team.budgetDayMicroUsd),
  };
}

function utcDay(now: Date): Date {
  return new Date(now.toISOString().slice(0, 10));
}

async function finishedLately(db: Db, teamId: bigint): Promise<FinishedRow> {
  const [row] = await db.$queryRaw<FinishedRow[]>`
    SELECT
      count(*) FILTER (WHERE state = 'completed' AND completed_at > now() - interval '1 hour')::int AS last_hour,
      avg(extract(epoch FROM started_at - queued_at))::float8 AS wait_avg,
      max(extract(epoch FROM started_at - queued_at))::float8 AS wait_max,
      avg(extract(epoch FROM completed_at - started_at))::float8 AS duration_avg,
      max(extract(epoch FROM completed_at - started_at))::float8 AS duration_max,
      (count(*) FILTER (WHERE state = 'completed'))::float8
        / nullif(count(*) FILTER (WHERE state IN ('completed', 'failed')), 0) AS success_rate
    FROM job
    WHERE team_id = ${teamId} AND completed_at IS NOT NULL AND completed_at > now() - interval '24 hours'`;
  if (!row) throw new Error("An aggregate gave no row.");
  return row;
}
