import type { Db } from "../db";
import { plainText } from "../domain/plain-json";
import { appendEvents } from "../events/append";
import type { AgentRun, Job } from "../generated/prisma/client";
import { modelFor } from "../models/choose-model";
import type { StoredPrompt } from "./history";
import { toolsOf } from "./roles/role-prompt";
import { type AgentRole, promptOf } from "./roles/roles";

export interface NewAgentRun {
  job: Job;
  /** Names the agent run within the run of the job; asking again finds it. */
  key: string;
  role: AgentRole;
  first: string;
  task: number | null;
}

/** Begins an agent run, or finds the one with this key. What the model is given is stored with it. */
export async function startAgentRun(db: Db, { job, key, role, first, task }: NewAgentRun): Promise<AgentRun> {
  const known = await db.agentRun.findUnique({
    where: { jobId_run_key: { jobId: job.id, run: job.run, key } },
  });
  if (known) return known;
  const { provider, model } = modelFor(role, job.models as Partial<Record<AgentRole, string>>);
  const rolePrompt = promptOf(role);
  const prompt: StoredPrompt = {
    system: rolePrompt.system,
    first: plainText(first),
    tools: toolsOf(rolePrompt),
    forceTool: rolePrompt.sandbox ? null : "finish",
    maxTurns: rolePrompt.maxTurns,
  };
  return db.$transaction(async (tx) => {
    const made = await tx.agentRun.createMany({
      data: [{ jobId: job.id, run: job.run, key, role, provider, model, prompt: prompt as object }],
      skipDuplicates: true,
    });
    if (made.count > 0) {
      await tx.$executeRaw`
        INSERT INTO daily_spend (team_id, day, agent_runs) VALUES (${job.teamId}, (now() AT TIME ZONE 'UTC')::date, 1)
        ON CONFLICT (team_id, day) DO UPDATE SET agent_runs = daily_spend.agent_runs + 1`;
      await appendEvents(tx, job.id, [
        { type: "agent.started", data: { agent_run: key, role, provider, model, task } },
      ]);
    }
    return tx.agentRun.findUniqueOrThrow({ where: { jobId_run_key: { jobId: job.id, run: job.run, key } } });
  });
}
