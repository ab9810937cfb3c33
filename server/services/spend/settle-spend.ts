// The second half of a call's money: the reservation becomes what it really cost, or nothing.
import type { Tx } from "../../db";
import type { NewJobEvent } from "../../domain/events";
import { toMicro, toUsd } from "../../domain/money";
import type { Role } from "../../domain/roles";
import { env } from "../../env";
import { appendEvents } from "../../events/append";
import type { Usage } from "../../models/port";

export interface SettleSpend {
  key: string;
  usage: Usage;
  costMicro: bigint;
  /** `estimated`: nobody knows what it cost, the reservation is charged in full. `released`: nothing was charged. */
  as: "settled" | "estimated" | "released";
}

/** What settling a reservation came to. */
export interface Settled {
  jobId: bigint;
  /** The job whose cap pays. */
  rootId: bigint;
  role: string;
  model: string;
  cost: bigint;
  /** What the root job has spent now. */
  total: bigint;
  /** What the team has spent on the call's day now, and what it may; null where the factory's setting holds. */
  dayTotal: bigint;
  dayCap: bigint | null;
}

/** Part of the team's day at which it is told, as a percentage. */
const DAY_ALERT_PERCENT = 80n;

/**
 * Turns a reservation into what it really cost, once, without a word in the log. One statement; the root job is
 * locked first, as everywhere.
 * @returns null when it was settled before
 */
export async function settle(tx: Tx, { key, usage, costMicro, as }: SettleSpend): Promise<Settled | null> {
  const cost = as === "released" ? 0n : costMicro;
  const [settled] = await tx.$queryRaw<Settled[]>`
    WITH root AS (
      SELECT j.id FROM spend s JOIN job j ON j.id = s.root_job_id WHERE s.key = ${key} FOR UPDATE OF j
    ), settled AS (
      UPDATE spend SET state = ${as}::spend_state, cost_micro = ${cost}::bigint, settled_at = now(),
        input_tokens = ${usage.input}, output_tokens = ${usage.output},
        cache_read_tokens = ${usage.cacheRead}, cache_write_tokens = ${usage.cacheWrite}
      WHERE key = ${key} AND state = 'reserved' AND root_job_id IN (SELECT id FROM root)
      RETURNING team_id, day, root_job_id, job_id, run, agent_run, role, model, reserved_micro
    ), daily AS (
      UPDATE daily_spend d SET reserved_micro = d.reserved_micro - s.reserved_micro,
        spent_micro = d.spent_micro + ${cost}::bigint
      FROM settled s WHERE d.team_id = s.team_id AND d.day = s.day
      RETURNING d.spent_micro
    ), child AS (
      UPDATE job SET spent_micro_usd = spent_micro_usd + ${cost}::bigint
      FROM settled s WHERE job.id = s.job_id AND s.job_id <> s.root_job_id
      RETURNING job.id
    ), ran AS (
      -- Behind the job, as everywhere.
      UPDATE agent_run r SET spent_micro_usd = r.spent_micro_usd + ${cost}::bigint
      FROM settled s WHERE r.job_id = s.job_id AND r.run = s.run AND r.key = s.agent_run
        AND (SELECT count(*) FROM child) >= 0
    ), paid AS (
      UPDATE job SET reserved_micro_usd = reserved_micro_usd - s.reserved_micro,
        spent_micro_usd = spent_micro_usd + ${cost}::bigint
      FROM settled s WHERE job.id = s.root_job_id
      RETURNING s.job_id, s.root_job_id, s.role, s.model, spent_micro_usd, s.team_id
    )
    SELECT p.job_id AS "jobId", p.root_job_id AS "rootId", p.role, p.model, ${cost}::bigint AS cost, p.spent_micro_usd AS total,
      (SELECT spent_micro FROM daily) AS "dayTotal", t.budget_day_micro_usd AS "dayCap"
    FROM paid p JOIN team t ON t.id = p.team_id`;
  return settled ?? null;
}

/** What the log of the job says of it; nothing when nothing was paid. */
export function spendEvents(settled: Settled): NewJobEvent[] {
  const { jobId, rootId, role, model, cost, total } = settled;
  if (cost === 0n) return [];
  const data = { role: role as Role, model, cost_usd: toUsd(cost), total_usd: toUsd(total) };
  return [{ type: "spend.settled", data }, ...(rootId === jobId ? alertsOf(settled) : [])];
}

/** What is reached is the root's: its log says so, whichever of the jobs below it has paid. */
export async function alertRoot(tx: Tx, settled: Settled): Promise<void> {
  if (settled.rootId !== settled.jobId) await appendEvents(tx, settled.rootId, alertsOf(settled));
}

function alertsOf({ cost, total, ...day }: Settled): NewJobEvent[] {
  const limit = env().BUDGET_ALERT_USD;
  const crossed = total >= toMicro(limit) && total - cost < toMicro(limit);
  const alert = { total_usd: toUsd(total), threshold_usd: limit };
  return [...(crossed ? [{ type: "spend.alert" as const, data: alert }] : []), ...dayAlert(cost, day)];
}

/** Told once a day, by the call that reaches the threshold. */
function dayAlert(cost: bigint, { dayTotal, dayCap }: Pick<Settled, "dayTotal" | "dayCap">): NewJobEvent[] {
  const cap = dayCap ?? toMicro(env().BUDGET_DAY_USD);
  const threshold = (cap * DAY_ALERT_PERCENT) / 100n;
  if (dayTotal < threshold || dayTotal - cost >= threshold) return [];
  const data = { spent_usd: toUsd(dayTotal), cap_usd: toUsd(cap), percent: Number(DAY_ALERT_PERCENT) };
  return [{ type: "spend.day_alert", data }];
}

/** Settles a reservation once, and says so; a second time changes nothing. @returns whether it was open */
export async function settleSpend(tx: Tx, request: SettleSpend): Promise<boolean> {
  const settled = await settle(tx, request);
  if (!settled) return false;
  await appendEvents(tx, settled.jobId, spendEvents(settled));
  await alertRoot(tx, settled);
  return true;
}
