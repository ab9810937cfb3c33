import type { Db } from "../db";
import type { RunRef } from "../services/jobs/active-job";
import { type AgentTurn, agentTurn } from "./agent-turn";

/** Begins an agent run, or finds it. `agent` is its key; null when there is nothing for it to do. */
type BeginAgent = (db: Db) => Promise<{ agent: string | null }>;

/**
 * Begins an agent run and takes its first turn.
 * @throws as agentTurn
 */
export async function firstTurn(
  db: Db,
  ref: RunRef,
  begin: BeginAgent,
): Promise<AgentTurn & { agent: string | null }> {
  const { agent } = await begin(db);
  return agent === null ? { agent, finished: true } : { agent, ...(await agentTurn(db, ref, agent, 1)) };
}
