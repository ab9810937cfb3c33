import type { Ctx } from "../../context";
import type { ListMessagesInput, MessageView } from "../../domain/steering";
import { findJob } from "../jobs/find-job";
import { toMessageView } from "./message-view";

/**
 * What people said to a job, in the order in which they said it, and which turn read it.
 * @throws AppError `not_found`
 */
export async function listMessages({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: ListMessagesInput;
}): Promise<{ messages: MessageView[] }> {
  const job = await findJob(ctx, input.id);
  const rows = await ctx.db.jobMessage.findMany({
    where: { jobId: job.id, id: { gt: BigInt(input.after) } },
    include: { agentRun: { select: { key: true } } },
    orderBy: { id: "asc" },
    take: input.limit,
  });
  return { messages: rows.map((row) => toMessageView(row, job)) };
}
