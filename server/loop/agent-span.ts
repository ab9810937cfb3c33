// From which commit of the workspace to which an agent run has worked, and taking the head of a job to another commit than
// the one that an agent has left. Invariant: only from where that very agent run has left it, so that a step which runs
// again, or late, moves nothing that came after.
import type { StoredPrompt } from "../agents/history";
import { type Db, runStatement } from "../db";
import type { NewJobEvent } from "../domain/events";
import { ANNOUNCED, appending } from "../events/append";
import { type AgentRun, type Job, Prisma } from "../generated/prisma/client";

export interface AgentSpan {
  agentRun: AgentRun;
  start: string;
  end: string;
}

/** Null when there is no such agent run of this run, or it began in an empty workspace. */
export async function spanOf(db: Db, job: Job, key: string): Promise<AgentSpan | null> {
  const found = await db.agentRun.findUnique({
    where: { jobId_run_key: { jobId: job.id, run: job.run, key } },
    include: {
      turnRows: {
        where: { commit: { not: null }, finishedAt: { not: null } },
        orderBy: { n: "desc" },
        take: 1,
        select: { commit: true },
      },
    },
  });
  if (!found) return null;
  const { turnRows, ...agentRun } = found;
  const start = (agentRun.prompt as unknown as StoredPrompt).head ?? null;
  return start === null ? null : { agentRun, start, end: turnRows[0]?.commit ?? start };
}

/** Moves the head from where an agent left it, and logs that; it stays where somebody else has moved it on already. */
export async function moveHead(
  db: Db,
  job: Job,
  { from, to, note }: { from: string; to: string; note?: string },
): Promise<void> {
  if (from === to) return;
  const events: NewJobEvent[] = [
    { type: "workspace.moved", data: { from, to } },
    ...(note ? [{ type: "job.note" as const, data: { text: note } }] : []),
  ];
  await runStatement(
    db,
    Prisma.sql`
    WITH held AS (
      SELECT id FROM job WHERE id = ${job.id} AND run = ${job.run}::int AND head_commit = ${from} FOR UPDATE
    ), ${appending(Prisma.sql`SELECT id FROM held`, events, Prisma.sql`, head_commit = ${to}`)}
    ${ANNOUNCED}`,
  );
}
