import { type Db, runStatement } from "../db";
import type { NewJobEvent } from "../domain/events";
import { plainText } from "../domain/plain-json";
import { ANNOUNCED, appending } from "../events/append";
import { type Job, Prisma } from "../generated/prisma/client";
import { modelsFor } from "../models/choose-model";
import { requireWork } from "../services/jobs/active-job";
import { pauseForAgentRuns } from "../services/jobs/pause-itself";
import type { StepChange } from "../services/jobs/set-step";
import { queueLimits } from "../services/limits/queue-limits";
import type { StoredPrompt } from "./history";
import { toolsOf } from "./roles/role-prompt";
import { type AgentRole, promptOf } from "./roles/roles";
import { pauseWith } from "./settle-fault";

export interface NewAgentRun {
  job: Job;
  /** Names the agent run within the run of the job; asking again finds it. */
  key: string;
  role: AgentRole;
  first: string;
  task: number | null;
  /** The how many-th try at the same thing, from 1: every second one is the other model's, where two are configured. */
  attempt?: number;
  /** What the repository says is not to be read. */
  ignored?: readonly string[];
  /** The step of the pipeline that begins with it. */
  step?: StepChange;
}

/**
 * Begins an agent run together with its step, or leaves the one with this key as it is. What the model is given is
 * stored with it.
 * @throws NotYet `paused`, also when the team's agent runs of today are used up; Ended when the run is over
 */
export async function startAgentRun(
  db: Db,
  {
    job,
    key,
    role,
    first,
    task,
    attempt = 1,
    ignored = [],
    step = { events: [], set: Prisma.empty },
  }: NewAgentRun,
): Promise<void> {
  const models = modelsFor(role, job);
  const { provider, model } = (attempt % 2 === 0 && models.second) || models.first;
  const rolePrompt = promptOf(role);
  const prompt: StoredPrompt = {
    system: rolePrompt.system,
    first: plainText(first),
    tools: toolsOf(rolePrompt),
    forceTool: rolePrompt.sandbox ? null : "finish",
    maxTurns: rolePrompt.maxTurns,
    head: job.headCommit,
    ...(ignored.length > 0 && { ignored }),
  };
  const started: NewJobEvent = {
    type: "agent.started",
    data: { agent_run: key, role, provider, model, task },
  };
  const begun = await db.$transaction(async (tx) => {
    // Before the day, as everywhere; and in a statement of its own, so that the next one sees what another call of this
    // very step has done meanwhile, and the run is counted once.
    const [held] = await tx.$queryRaw<Pick<Job, "run" | "state">[]>`
      SELECT run, state FROM job WHERE id = ${job.id} FOR UPDATE`;
    // Whoever ends a run ends its agents with it: none may come behind.
    if (held) requireWork(held, job.run);
    return runStatement(
      tx,
      Prisma.sql`
      WITH daily AS (
        -- Counted under the day's row, so that agents that begin in one moment do not pass the cap together.
        INSERT INTO daily_spend (team_id, day, agent_runs)
        SELECT ${job.teamId}::bigint, (now() AT TIME ZONE 'UTC')::date, 1 WHERE ${queueLimits().dayAgentRuns}::int > 0
          AND NOT EXISTS (SELECT 1 FROM agent_run WHERE job_id = ${job.id}::bigint AND run = ${job.run}::int AND key = ${key})
        ON CONFLICT (team_id, day) DO UPDATE SET agent_runs = daily_spend.agent_runs + 1
          WHERE daily_spend.agent_runs < ${queueLimits().dayAgentRuns}::int
        RETURNING 1
      ), made AS (
        INSERT INTO agent_run (job_id, run, key, role, provider, model, prompt)
        SELECT ${job.id}::bigint, ${job.run}::int, ${key}, ${role}, ${provider}, ${model}, ${JSON.stringify(prompt)}::jsonb
        FROM daily RETURNING job_id
      ), ${appending(Prisma.sql`SELECT job_id FROM made`, [...step.events, started], step.set)}
      ${ANNOUNCED}`,
    );
  });
  if (begun.length > 0) return;
  const known = await db.agentRun.count({ where: { jobId: job.id, run: job.run, key } });
  if (known > 0) return;
  throw await pauseWith(db.$transaction((tx) => pauseForAgentRuns(tx, job)));
}
