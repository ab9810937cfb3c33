import type { Ctx } from "../../context";
import type { CostCallsInput, CostCallsView } from "../../domain/costs";
import { toUsd } from "../../domain/money";
import { findJob } from "../jobs/find-job";

/** Every single call that a job and, for the one that has the cap, everything below it made: newest first. @throws AppError `not_found` */
export async function listCalls({ ctx, input }: { ctx: Ctx; input: CostCallsInput }): Promise<CostCallsView> {
  const job = await findJob(ctx, input.id);
  const scope = (job.rootId ?? job.id) === job.id ? { rootJobId: job.id } : { jobId: job.id };
  const rows = await ctx.db.spend.findMany({
    where: { ...scope, ...(input.cursor && { id: { lt: BigInt(input.cursor) } }) },
    orderBy: { id: "desc" },
    take: input.limit + 1,
  });
  const page = rows.slice(0, input.limit);
  const ids = [...new Set(page.map((row) => row.jobId))];
  const jobs = await ctx.db.job.findMany({
    where: { id: { in: ids } },
    select: { id: true, publicId: true },
  });
  const names = new Map(jobs.map(({ id, publicId }) => [id, publicId]));
  return {
    calls: page.map((row) => ({
      id: String(row.id),
      job_id: names.get(row.jobId) ?? "",
      run: row.run,
      agent_run: row.agentRun,
      turn: row.turn,
      role: row.role,
      provider: row.provider,
      model: row.model,
      state: row.state,
      input_tokens: row.inputTokens + row.cacheReadTokens + row.cacheWriteTokens,
      output_tokens: row.outputTokens,
      cached_tokens: row.cacheReadTokens,
      reserved_usd: toUsd(row.reservedMicro),
      cost_usd: toUsd(row.costMicro),
      at: row.createdAt.toISOString(),
    })),
    next_cursor: rows.length > input.limit ? String(page.at(-1)?.id) : null,
  };
}
