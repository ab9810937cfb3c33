// The second half of a call's money: the reservation becomes what it really cost, or nothing.
import type { Tx } from "../../db";
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

/** Settles a reservation once; a second time changes nothing. @returns whether it was open */
export async function settleSpend(tx: Tx, { key, usage, costMicro, as }: SettleSpend): Promise<boolean> {
  const spend = await tx.spend.findUnique({ where: { key } });
  if (!spend) return false;
  // The same order of locks as when reserving: root job, team day, then the reservation itself.
  await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${spend.rootJobId} FOR UPDATE`;
  const cost = as === "released" ? 0n : costMicro;
  await tx.$executeRaw`
    UPDATE daily_spend d SET reserved_micro = d.reserved_micro - s.reserved_micro, spent_micro = d.spent_micro + ${cost}
    FROM spend s WHERE s.key = ${key} AND s.state = 'reserved' AND d.team_id = s.team_id AND d.day = s.day`;
  const settled = await tx.$executeRaw`
    UPDATE spend SET state = ${as}::spend_state, cost_micro = ${cost}, settled_at = now(), input_tokens = ${usage.input},
      output_tokens = ${usage.output}, cache_read_tokens = ${usage.cacheRead}, cache_write_tokens = ${usage.cacheWrite}
    WHERE key = ${key} AND state = 'reserved'`;
  if (settled === 0) return false;
  const [root] = await tx.$queryRaw<{ spent: bigint }[]>`
    UPDATE job SET reserved_micro_usd = reserved_micro_usd - ${spend.reservedMicro},
      spent_micro_usd = spent_micro_usd + ${cost}
    WHERE id = ${spend.rootJobId} RETURNING spent_micro_usd AS spent`;
  if (spend.jobId !== spend.rootJobId) {
    await tx.$executeRaw`UPDATE job SET spent_micro_usd = spent_micro_usd + ${cost} WHERE id = ${spend.jobId}`;
  }
  const total = root?.spent ?? 0n;
  const threshold = toMicro(env().BUDGET_ALERT_USD);
  const crossed = total >= threshold && total - cost < threshold;
  if (cost > 0n) {
    await appendEvents(tx, spend.jobId, [
      {
        type: "spend.settled",
        data: {
          role: spend.role as Role,
          model: spend.model,
          cost_usd: toUsd(cost),
          total_usd: toUsd(total),
        },
      },
      ...(crossed
        ? [
            {
              type: "spend.alert" as const,
              data: { total_usd: toUsd(total), threshold_usd: env().BUDGET_ALERT_USD },
            },
          ]
        : []),
    ]);
  }
  return true;
}
