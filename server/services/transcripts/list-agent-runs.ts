import type { z } from "zod";
import type { Ctx } from "../../context";
import type { agentRunPage, listAgentRunsInput } from "../../domain/transcripts";
import { findJob } from "../jobs/find-job";
import { toAgentRunView } from "./transcript-view";

/** The agent runs of a job, oldest first. @throws AppError `not_found` */
export async function listAgentRuns({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: z.infer<typeof listAgentRunsInput>;
}): Promise<z.infer<typeof agentRunPage>> {
  const job = await findJob(ctx, input.id);
  const rows = await ctx.db.agentRun.findMany({
    where: { jobId: job.id, run: input.run, id: { gt: input.cursor } },
    orderBy: { id: "asc" },
    take: input.limit + 1,
  });
  const page = rows.slice(0, input.limit);
  return {
    agent_runs: page.map(toAgentRunView),
    next_cursor: rows.length > page.length ? Number(page.at(-1)?.id) : null,
  };
}
