import type { Db } from "../../db";
import type { TurnView } from "../../domain/transcripts";
import type { AgentRun } from "../../generated/prisma/client";
import { toTurnView } from "./transcript-view";

/** Turns of an agent run after number `after`, with what people said for each. */
export async function turnsOf(db: Db, run: AgentRun, after: number, limit: number): Promise<TurnView[]> {
  const turns = await db.turn.findMany({
    where: { agentRunId: run.id, n: { gt: after } },
    orderBy: { n: "asc" },
    take: limit,
  });
  const first = turns[0]?.n;
  if (first === undefined) return [];
  const said = await db.jobMessage.findMany({
    // What came too late for the question waits for another turn.
    where: { agentRunId: run.id, turn: { gte: first, lte: turns.at(-1)?.n }, deliveredAt: { not: null } },
    orderBy: { id: "asc" },
    select: { turn: true, author: true, text: true },
  });
  return turns.map((turn) =>
    toTurnView(
      run,
      turn,
      said.filter((one) => one.turn === turn.n).map(({ author, text }) => ({ author, text })),
    ),
  );
}
