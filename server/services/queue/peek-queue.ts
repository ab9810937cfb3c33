// The team's next jobs in the order in which workers claim them, then those that wait for something else first.
import type { z } from "zod";
import type { Ctx } from "../../context";
import type { peekInput } from "../../domain/inputs";
import type { queuePeekView } from "../../domain/outputs";
import { JOB_VIEW_PARTS, toJobView } from "../jobs/job-view";

/** `position` counts from 1 within the team. */
export async function peekQueue({
  ctx: { db, actor },
  input: { limit },
}: {
  ctx: Ctx;
  input: z.infer<typeof peekInput>;
}): Promise<z.infer<typeof queuePeekView>> {
  const inOrder = {
    include: JOB_VIEW_PARTS,
    orderBy: [{ rank: "asc" as const }, { id: "asc" as const }],
    take: limit,
  };
  const claimable = await db.job.findMany({ ...inOrder, where: { teamId: actor.teamId, claimable: true } });
  const left = limit - claimable.length;
  const held = left
    ? await db.job.findMany({
        ...inOrder,
        where: { teamId: actor.teamId, state: "pending", claimable: false, leaseWorkerId: null },
        take: left,
      })
    : [];
  const jobs = [...claimable, ...held].map((row, index) => ({
    position: index + 1,
    waiting_reason: row.waitingReason,
    job: toJobView(row),
  }));
  return { jobs };
}
