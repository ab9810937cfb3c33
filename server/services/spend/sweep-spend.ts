import type { Db } from "../../db";
import { GRACE_SECONDS } from "./reserve-spend";
import { settleSpend } from "./settle-spend";

const NOTHING = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };

/** Charges reservations of calls that died in full, marked as estimated. Safe in several processes at once. */
export async function sweepSpend(db: Db): Promise<number> {
  const overdue = await db.$queryRaw<{ key: string; reserved: bigint }[]>`
    SELECT key, reserved_micro AS reserved FROM spend
    WHERE state = 'reserved' AND deadline < now() - make_interval(secs => ${GRACE_SECONDS}::float8) LIMIT 100`;
  for (const { key, reserved } of overdue) {
    await db.$transaction((tx) =>
      settleSpend(tx, { key, usage: NOTHING, costMicro: reserved, as: "estimated" }),
    );
  }
  return overdue.length;
}
