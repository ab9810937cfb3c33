// An agent run goes on with another model at the turn where it stands, and comes back to its first one.
import type { Tx } from "../db";
import type { NewJobEvent } from "../domain/events";
import { ANNOUNCED, appending } from "../events/append";
import { type AgentRun, type Job, Prisma, type Turn } from "../generated/prisma/client";
import { choiceName, type ModelChoice, modelsFor } from "../models/choose-model";
import type { AgentRole } from "./roles/roles";

/** The model of the role that an agent run does not use now, or null when there is none. */
export function otherModel(job: Job, agentRun: AgentRun): ModelChoice | null {
  const { first, second } = modelsFor(agentRun.role as AgentRole, job);
  if (!second) return null;
  return choiceName(first) === choiceName(agentRun) ? second : first;
}

/** Lets another model stand in from turn `n` on, and says so. Nothing happens when it was switched meanwhile. */
export async function switchModel(
  tx: Tx,
  agentRun: AgentRun,
  n: number,
  to: ModelChoice,
  reason: string,
): Promise<void> {
  const [from, into] = [choiceName(agentRun), choiceName(to)];
  const said: NewJobEvent = {
    type: "model.fallback",
    data: { agent_run: agentRun.key, turn: n, from, to: into, reason },
  };
  await tx.$queryRaw`
    WITH held AS MATERIALIZED (
      -- The job before what belongs to it, as everywhere.
      SELECT id FROM job WHERE id = ${agentRun.jobId} FOR UPDATE
    ), switched AS (
      UPDATE agent_run SET provider = ${to.provider}, model = ${to.model}, switched_from = ${from}
      WHERE id = ${agentRun.id} AND switched_from IS NULL AND provider = ${agentRun.provider} AND model = ${agentRun.model}
        AND job_id IN (SELECT id FROM held)
      RETURNING job_id
    ), ${appending(Prisma.sql`SELECT job_id FROM switched`, [said])}
    ${ANNOUNCED}`;
}

/** The one that stands in is away, too: when the job goes on, the first one is asked again. */
export async function switchBack(tx: Tx, agentRun: AgentRun): Promise<void> {
  await tx.$executeRaw`
    UPDATE agent_run SET provider = split_part(switched_from, '/', 1),
      model = substr(switched_from, strpos(switched_from, '/') + 1), switched_from = NULL
    WHERE id = ${agentRun.id} AND switched_from IS NOT NULL`;
}

const NOT_COUNTED = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };

/**
 * Turns as the model that is asked now may see them: what another one thought is its own and cannot be sent, and its
 * count of tokens says nothing of this one's.
 */
export function withoutForeign(agentRun: AgentRun, turns: readonly Turn[]): readonly Turn[] {
  if (turns.every((turn) => isOwn(agentRun, turn))) return turns;
  return turns.map((turn) => {
    if (isOwn(agentRun, turn)) return turn;
    const { raw: _, ...answer } = turn.answer as { raw?: unknown };
    return { ...turn, answer: answer as Prisma.JsonObject, usage: NOT_COUNTED };
  });
}

/** Whether the model that is asked now gave the answer. Older turns do not say, and were never another's. */
export const isOwn = ({ provider, model }: AgentRun, turn: Turn): boolean =>
  turn.model === null || (turn.provider === provider && turn.model === model);
