// The whole transcript of a job as lines, read page by page: a long one takes no more memory than a short one. The last
// line says how much there was, so that a reader knows a cut export from a whole one.
import type { Ctx } from "../../context";
import type { Db } from "../../db";
import { toUsd } from "../../domain/money";
import { TRANSCRIPT_VERSION, type TranscriptLine } from "../../domain/transcripts";
import type { Job } from "../../generated/prisma/client";
import { findJob } from "../jobs/find-job";
import { turnsOf } from "./read-turns";
import { toAgentRunView, toPromptView } from "./transcript-view";

const RUNS = 20;
const TURNS = 20;
const v = TRANSCRIPT_VERSION;

/**
 * The lines of a job's transcript; the job is found before the first one is asked for.
 * @throws AppError `not_found`
 */
export async function exportTranscript({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: { id: string };
}): Promise<AsyncGenerator<TranscriptLine>> {
  return linesOf(ctx.db, await findJob(ctx, input.id));
}

async function* linesOf(db: Db, job: Job): AsyncGenerator<TranscriptLine> {
  const exported_at = new Date().toISOString();
  const { publicId: job_id, kind, title, state: status } = job;
  yield { v, type: "transcript", job_id, kind, title, status, exported_at };
  const sum = { agent_runs: 0, turns: 0, micro: 0n };
  for (let after = 0n; ; ) {
    const runs = await db.agentRun.findMany({
      where: { jobId: job.id, id: { gt: after } },
      orderBy: { id: "asc" },
      take: RUNS,
    });
    for (const run of runs) {
      yield { v, type: "agent_run", ...toAgentRunView(run), prompt: toPromptView(run) };
      sum.agent_runs++;
      sum.micro += run.spentMicroUsd;
      for (let n = 0; ; ) {
        const turns = await turnsOf(db, run, n, TURNS);
        for (const turn of turns) yield { v, type: "turn", agent_run: run.key, run: run.run, ...turn };
        sum.turns += turns.length;
        n = turns.at(-1)?.turn ?? n;
        if (turns.length < TURNS) break;
      }
    }
    after = runs.at(-1)?.id ?? after;
    if (runs.length < RUNS) break;
  }
  yield { v, type: "end", agent_runs: sum.agent_runs, turns: sum.turns, cost_usd: toUsd(sum.micro) };
}
