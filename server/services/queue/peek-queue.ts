// The team's next jobs in the order in which workers claim them: first what may be claimed now, then what a limit
// holds back, then what depends on others.
import type { z } from "zod";
import type { Ctx } from "../../context";
import { type Db, runStatement } from "../../db";
import type { peekInput } from "../../domain/inputs";
import type { queuePeekView } from "../../domain/outputs";
import { Prisma } from "../../generated/prisma/client";
import { JOB_VIEW_PARTS, toJobViews } from "../jobs/job-view";
import { queueLimits } from "../limits/queue-limits";
import { gateOf } from "./gate";

/** `position` counts from 1 within the team. */
export async function peekQueue({
  ctx: { db, actor },
  input: { limit },
}: {
  ctx: Ctx;
  input: z.infer<typeof peekInput>;
}): Promise<z.infer<typeof queuePeekView>> {
  const ids = await claimOrder(db, actor.teamId, limit);
  const left = limit - ids.length;
  const [claimable, held] = await Promise.all([
    db.job.findMany({ where: { id: { in: ids } }, include: JOB_VIEW_PARTS }),
    left === 0
      ? []
      : db.job.findMany({
          where: {
            teamId: actor.teamId,
            claimable: false,
            leaseWorkerId: null,
            // Who begins in the same moment as another on the same files has begun, and waits.
            OR: [
              { state: "pending" },
              { state: { in: ["running", "validating", "approved"] }, waitingCode: "files" },
            ],
          },
          include: JOB_VIEW_PARTS,
          orderBy: { id: "asc" },
          take: left,
        }),
  ]);
  const place = new Map(ids.map((id, index) => [id, index]));
  claimable.sort((a, b) => (place.get(a.id) ?? 0) - (place.get(b.id) ?? 0));
  const views = await toJobViews(db, [...claimable, ...held]);
  const jobs = views.map((job, index) => ({
    position: index + 1,
    waiting_reason: job.waiting_reason,
    waiting_code: job.waiting_code,
    job,
  }));
  return { jobs };
}

/** The first of each lane by the claim's index, put together by the claim's gate. */
async function claimOrder(db: Db, team: bigint, limit: number): Promise<bigint[]> {
  const rows = await runStatement<{ id: bigint }>(
    db,
    Prisma.sql`
      WITH ${gateOf(queueLimits(), true, team)}
      SELECT j.id FROM gate g CROSS JOIN LATERAL (
        (SELECT id, rank FROM job WHERE claimable AND needs = 'runner' AND team_id = g.team_id AND lane = g.lane
        ORDER BY rank, id LIMIT ${limit}::int)
        UNION ALL
        (SELECT id, rank FROM job WHERE claimable AND needs <> 'runner' AND team_id = g.team_id AND lane = g.lane
        ORDER BY rank, id LIMIT ${limit}::int)
      ) j
      ORDER BY g.closed IS NOT NULL OR j.rank > g.max_rank, j.rank, j.id LIMIT ${limit}::int`,
  );
  return rows.map((row) => row.id);
}
