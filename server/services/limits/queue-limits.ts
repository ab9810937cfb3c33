import { LANES, type Lane } from "../../domain/lane";
import { toMicro } from "../../domain/money";
import { env } from "../../env";

/** What keeps waiting jobs from being claimed. Null: no such limit. */
export interface QueueLimits {
  /** Leases at once: in the whole factory, of one team, in one lane. */
  factory: number | null;
  team: number | null;
  lanes: Partial<Record<Lane, number>>;
  /** What a team without a cap of its own may spend on a UTC day. */
  dayMicroUsd: bigint;
  /** Agent runs of a team on a UTC day. */
  dayAgentRuns: number;
  /** Seconds between the starts of two jobs, 0 for none. */
  cooldownSeconds: number;
}

/** The limits of this factory's settings. */
export function queueLimits(): QueueLimits {
  const { MAX_LEASES, TEAM_MAX_LEASES, LANE_LIMITS, BUDGET_DAY_USD, DAILY_BUDGET, COOLDOWN_SECONDS } = env();
  return {
    factory: MAX_LEASES ?? null,
    team: TEAM_MAX_LEASES ?? null,
    lanes: LANE_LIMITS,
    dayMicroUsd: toMicro(BUDGET_DAY_USD),
    dayAgentRuns: DAILY_BUDGET,
    cooldownSeconds: COOLDOWN_SECONDS,
  };
}

/** The tightest limit of leases, null when there is none. */
export function leastLeases({ factory, team, lanes }: QueueLimits): number | null {
  const given = [factory, team, ...LANES.map((lane) => lanes[lane] ?? null)].filter(
    (limit) => limit !== null,
  );
  return given.length > 0 ? Math.min(...given) : null;
}
