import { takeTurn } from "../agents/take-turn";
import type { Db } from "../db";
import type { RunRef } from "../services/jobs/active-job";

/** Begins an agent run, or finds it. `agent` is its key; null when there is nothing for it to do. */
type BeginAgent = (db: Db) => Promise<{ agent: string | null }>;

/**
 * Begins an agent run and takes its first turn.
 * @throws as takeTurn
 */
export async function firstTurn(
  db: Db,
  ref: RunRef,
  begin: BeginAgent,
): Promise<{ agent: string | null; finished: boolean }> {
  const { agent } = await begin(db);
  return { agent, finished: agent === null || (await takeTurn(db, ref, agent, 1)).finished };
}
