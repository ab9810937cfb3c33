// Figures about the team's queue. Counts are of now, rates and times of the last 24 hours, read from kept counters.
import type { Ctx } from "../../context";
import type { Db } from "../../db";
import { JOB_STATES } from "../../domain/job-state";
import { LANES, type Lane } from "../../domain/lane";
import { toUsd } from "../../domain/money";
import type { QueueStatsView } from "../../domain/outputs";
import { env } from "../../env";
import { queueLimits } from "../limits/queue-limits";

export async function queueStats({ ctx: { db, actor } }: { ctx: Ctx }): Promise<QueueStatsView> {
  const { teamId } = actor;
  const [states, lanes, late, day, team] = await Promise.all([
    // Parts of a job count with it, as in the list of jobs.
    db.job.groupBy({ by: ["state"], where: { teamId, parentId: null }, _count: { _all: true } }),
    countLanes(db, teamId),
    lately(db, teamId),
    db.dailySpend.findFirst({ where: { teamId, day: utcDay(new Date()) } }),
    db.team.findUniqueOrThrow({ where: { id: teamId }, select: { budgetDayMicroUsd: true } }),
  ]);
  const counts = Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as QueueStatsView["counts"];
  for (const { state, _count } of states) counts[state] = _count._all;
  const sum = (value: (row: Tally) => number) => late.reduce((total, row) => total + value(row), 0);
  const ended = sum((row) => row.completed + row.failed);
  const begun = sum((row) => row.begun);
  return {
    counts,
    waiting: LANES.reduce((total, lane) => total + lanes[lane].waiting, 0),
    throughput_last_hour: sum((row) => row.completed_last_hour),
    wait_seconds: timesOf(
      sum((row) => row.wait_ms),
      begun,
      late.map((row) => row.wait_max_ms),
    ),
    duration_seconds: timesOf(
      sum((row) => row.duration_ms),
      ended,
      late.map((row) => row.duration_max_ms),
    ),
    success_rate: ended === 0 ? null : sum((row) => row.completed) / ended,
    lanes: lanesOf(lanes, late),
    spent_today_usd: toUsd(day?.spentMicro ?? 0n),
    budget_day_usd: team.budgetDayMicroUsd === null ? env().BUDGET_DAY_USD : toUsd(team.budgetDayMicroUsd),
  };
}

function utcDay(now: Date): Date {
  return new Date(now.toISOString().slice(0, 10));
}

/** Average and longest of times in milliseconds, in seconds; null where nothing was counted. */
function timesOf(totalMs: number, count: number, longestMs: readonly number[]) {
  if (count === 0) return { avg: null, max: null };
  return { avg: totalMs / count / 1000, max: Math.max(0, ...longestMs) / 1000 };
}

interface LaneCounts {
  waiting: number;
  leased: number;
}

/** What waits and what is held, each an index of its own. `leased` is of all teams, for so is the limit. */
async function countLanes(db: Db, teamId: bigint): Promise<Record<Lane, LaneCounts>> {
  const rows = await db.$queryRaw<(LaneCounts & { lane: Lane })[]>`
    SELECT l.lane::text AS lane,
      (SELECT count(*)::int FROM job WHERE claimable AND team_id = ${teamId} AND lane = l.lane) AS waiting,
      (SELECT count(*)::int FROM job WHERE lease_worker_id IS NOT NULL AND lane = l.lane) AS leased
    FROM unnest(enum_range(NULL::lane)) AS l(lane)`;
  return Object.fromEntries(rows.map(({ lane, ...counts }) => [lane, counts])) as Record<Lane, LaneCounts>;
}

interface Tally {
  lane: Lane;
  begun: number;
  completed: number;
  completed_last_hour: number;
  failed: number;
  wait_ms: number;
  wait_max_ms: number;
  duration_ms: number;
  duration_max_ms: number;
}

/** Counters of the last 24 hours by lane. The last hour is the present one and the share of the one before. */
function lately(db: Db, teamId: bigint): Promise<Tally[]> {
  return db.$queryRaw<Tally[]>`
    SELECT lane::text AS lane, sum(begun)::int AS begun, sum(completed)::int AS completed, sum(failed)::int AS failed,
      sum(wait_ms)::float8 AS wait_ms, max(wait_max_ms)::float8 AS wait_max_ms,
      sum(duration_ms)::float8 AS duration_ms, max(duration_max_ms)::float8 AS duration_max_ms,
      round(sum(completed * CASE
        WHEN hour >= date_trunc('hour', now(), 'UTC') THEN 1
        WHEN hour >= date_trunc('hour', now(), 'UTC') - interval '1 hour'
          THEN 1 - extract(epoch FROM now() - date_trunc('hour', now(), 'UTC')) / 3600
        ELSE 0 END))::int AS completed_last_hour
    FROM queue_tally WHERE team_id = ${teamId} AND hour > now() - interval '24 hours' GROUP BY lane`;
}

function lanesOf(counts: Record<Lane, LaneCounts>, late: readonly Tally[]): QueueStatsView["lanes"] {
  const limits = queueLimits().lanes;
  const views = LANES.map((lane) => {
    const row = late.find((one) => one.lane === lane);
    const ended = (row?.completed ?? 0) + (row?.failed ?? 0);
    return [
      lane,
      {
        ...counts[lane],
        limit: limits[lane] ?? null,
        completed: row?.completed ?? 0,
        failed: row?.failed ?? 0,
        wait_seconds: row?.begun ? row.wait_ms / row.begun / 1000 : null,
        duration_seconds: row && ended > 0 ? row.duration_ms / ended / 1000 : null,
      },
    ] as const;
  });
  return Object.fromEntries(views) as QueueStatsView["lanes"];
}
