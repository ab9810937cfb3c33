import type { z } from "zod";
import type { Ctx } from "../../context";
import { AppError } from "../../domain/errors";
import type { listTurnsInput, turnPage } from "../../domain/transcripts";
import { findJob } from "../jobs/find-job";
import { turnsOf } from "./read-turns";
import { toAgentRunView, toPromptView } from "./transcript-view";

/** One agent run with what its model was given, and its turns in their order. @throws AppError `not_found` */
export async function listTurns({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: z.infer<typeof listTurnsInput>;
}): Promise<z.infer<typeof turnPage>> {
  const job = await findJob(ctx, input.id);
  const where = { jobId: job.id, run: input.run ?? job.run, key: input.key };
  const agentRun = await ctx.db.agentRun.findUnique({ where: { jobId_run_key: where } });
  if (!agentRun) throw new AppError("not_found", `There is no agent run ${input.key} in run ${where.run}.`);
  const turns = await turnsOf(ctx.db, agentRun, input.cursor, input.limit + 1);
  const page = turns.slice(0, input.limit);
  return {
    agent_run: toAgentRunView(agentRun),
    prompt: toPromptView(agentRun),
    turns: page,
    next_cursor: turns.length > page.length ? (page.at(-1)?.turn ?? null) : null,
  };
}
