// The policies of the queue, said once: for every lane of every team, whether its jobs may be claimed now, and if not,
// why. The claim joins this table, and "why does this job wait" reads it.
import { LANES } from "../../domain/lane";
import { Prisma } from "../../generated/prisma/client";
import type { QueueLimits } from "../limits/queue-limits";

/** A row of `gate`. */
export interface GateRow {
  team_id: bigint;
  lane: string;
  /** Closed for all jobs. */
  closed: "factory_limit" | "team_limit" | "lane_limit" | null;
  /** Closed for jobs that have not begun. */
  closed_to_new: "day_budget" | "day_agent_runs" | "cooldown" | null;
  /** Last rank that may be claimed: the head of the queue only, or everything. */
  max_rank: bigint;
  day_budget: bigint;
}

/**
 * A part of a WITH: `gate`, and before it `held` where leases are counted.
 * @param counting whether leases are counted; false where it is known that no limit of them can be reached
 * @param team one team, or null for all
 */
export function gateOf(limits: QueueLimits, counting: boolean, team: bigint | null = null): Prisma.Sql {
  const { held, closed } = counting ? countedLeases(limits) : NOTHING_CLOSED;
  return Prisma.sql`
    ${held} gate AS MATERIALIZED (
      SELECT g.*, CASE WHEN g.closed_to_new IS NULL THEN ${LAST_RANK}::bigint ELSE 0 END AS max_rank FROM (
        SELECT t.id AS team_id, l.lane, COALESCE(t.budget_day_micro_usd, ${limits.dayMicroUsd}::bigint) AS day_budget,
          ${closed} AS closed,
          CASE
            WHEN d.spent_micro >= COALESCE(t.budget_day_micro_usd, ${limits.dayMicroUsd}::bigint) THEN 'day_budget'
            WHEN d.agent_runs >= ${limits.dayAgentRuns}::int THEN 'day_agent_runs'
            ${coolingDown(limits)}
          END AS closed_to_new
        FROM team t
          CROSS JOIN unnest(${[...LANES]}::text[]::lane[], ${LANES.map((lane) => limits.lanes[lane] ?? null)}::int[]) AS l(lane, limited)
          LEFT JOIN daily_spend d ON d.team_id = t.id AND d.day = (now() AT TIME ZONE 'UTC')::date
        ${team === null ? Prisma.empty : Prisma.sql`WHERE t.id = ${team}::bigint`}
      ) g
    )`;
}

const LAST_RANK = 2n ** 63n - 1n;
const NOTHING_CLOSED = { held: Prisma.empty, closed: Prisma.sql`NULL::text` };

function countedLeases(limits: QueueLimits): { held: Prisma.Sql; closed: Prisma.Sql } {
  return {
    held: Prisma.sql`held AS MATERIALIZED (SELECT team_id, lane FROM job WHERE lease_worker_id IS NOT NULL),`,
    closed: Prisma.sql`CASE
      WHEN (SELECT count(*) FROM held) >= ${limits.factory}::int THEN 'factory_limit'
      WHEN (SELECT count(*) FROM held h WHERE h.team_id = t.id) >= ${limits.team}::int THEN 'team_limit'
      WHEN (SELECT count(*) FROM held h WHERE h.lane = l.lane) >= l.limited THEN 'lane_limit'
    END`,
  };
}

function coolingDown({ cooldownSeconds }: QueueLimits): Prisma.Sql {
  if (cooldownSeconds === 0) return Prisma.empty;
  return Prisma.sql`WHEN EXISTS (SELECT 1 FROM queue_clock
    WHERE first_claim_at > clock_timestamp() - make_interval(secs => ${cooldownSeconds}::float8)) THEN 'cooldown'`;
}
