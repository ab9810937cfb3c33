import type { Tx } from "../../db";

/** Channel on which changes of workers are announced to the pages. */
export const WORKERS_CHANNEL = "fabrica_workers";

/** Tells the pages that some worker changed, when the caller's transaction commits. */
export async function announceWorkers(tx: Tx): Promise<void> {
  await tx.$queryRaw`SELECT pg_notify(${WORKERS_CHANNEL}, '')::text`;
}
