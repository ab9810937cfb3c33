import type { Tx } from "../../db";

/** Channel that wakes waiting claims. */
export const CLAIMABLE_CHANNEL = "fabrica_claimable";

/** Wakes the claims that wait, when the caller's transaction commits. */
export async function announceClaimable(tx: Tx): Promise<void> {
  await tx.$queryRaw`SELECT pg_notify(${CLAIMABLE_CHANNEL}, '')::text`;
}
