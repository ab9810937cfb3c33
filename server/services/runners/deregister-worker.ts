import { randomBytes } from "node:crypto";
import type { Db } from "../../db";
import type { Worker } from "../../generated/prisma/client";
import { hashToken } from "../auth/secret-token";
import { freeJob } from "../queue/sweep-leases";
import { announceWorkers } from "../workers/announce-workers";

/** A worker leaves: its job is claimable at once and its token is worthless from now on. */
export async function deregisterWorker(db: Db, worker: Worker): Promise<void> {
  await db.$transaction(async (tx) => {
    const held = await tx.$queryRaw<{ id: bigint }[]>`
      SELECT id FROM job WHERE lease_worker_id = ${worker.id} FOR UPDATE`;
    for (const { id } of held) await freeJob(tx, id, "worker left");
    await tx.worker.update({
      where: { id: worker.id },
      data: { status: "dead", order: "none", tokenHash: hashToken(randomBytes(32).toString("hex")) },
    });
    await announceWorkers(tx);
  });
}
