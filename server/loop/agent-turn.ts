// One turn of an agent of the loop. An agent of a task or a review that is stuck does not end the job by itself: what
// follows from it (a debugger, a second try, a person) is decided by the order of the steps.
import { takeTurn } from "../agents/take-turn";
import { type Db, runStatement } from "../db";
import { NOTES } from "../domain/agent-notes";
import type { NewJobEvent } from "../domain/events";
import { toUsd } from "../domain/money";
import { plainText } from "../domain/plain-json";
import { GiveUp, Stuck } from "../domain/step-outcome";
import { ANNOUNCED, appending } from "../events/append";
import { type AgentRun, type Job, Prisma } from "../generated/prisma/client";
import type { RunRef } from "../services/jobs/active-job";
import { redact } from "../services/redact";
import { workspaceText } from "../services/workspace/workspace-files";
import { spanOf } from "./agent-span";

export interface AgentTurn {
  finished: boolean;
  /** It has ended without coming to its end. */
  stuck?: true;
}

/** Agents after which the loop goes on in another way. */
const RECOVERABLE = /^(?:task-\d+|review|deploy)\//;
const REASON_CHARS = 2_000;

/**
 * Takes the next step of an agent run's turn `n`.
 * @throws as takeTurn; Stuck only for agents without whom nothing can go on, such as the planner
 */
export async function agentTurn(db: Db, ref: RunRef, key: string, n: number): Promise<AgentTurn> {
  if (!RECOVERABLE.test(key)) return takeTurn(db, ref, key, n);
  try {
    const turn = await takeTurn(db, ref, key, n);
    return turn.finished ? await howItEnded(db, ref, key) : turn;
  } catch (error) {
    if (!(error instanceof Stuck || isItsOwn(key, error))) throw error;
    const { agentRun } = await find(db, ref, key);
    await storeStuck(db, agentRun, error.message);
    return { finished: true, stuck: true };
  }
}

/**
 * Whether what ends an agent is no end of its job. Another agent may hand in what can be read; and a review that comes to
 * nothing leaves a job as green as it was, but for the time, which is the job's.
 */
function isItsOwn(key: string, error: unknown): error is GiveUp {
  if (!(error instanceof GiveUp)) return false;
  return error.code === "unreadable_result" || (key.startsWith("review/") && error.code !== "timeout");
}

/** Why an agent run counts as stuck, null when it does not. */
export function stuckReasonOf(agentRun: Pick<AgentRun, "state" | "result"> | null): string | null {
  if (agentRun?.state !== "failed") return null;
  return (agentRun.result as { stuck?: string } | null)?.stuck ?? null;
}

async function find(db: Db, { job: publicId, run }: RunRef, key: string) {
  const agentRun = await db.agentRun.findFirstOrThrow({
    where: { run, key, job: { publicId } },
    include: { job: true },
  });
  return { job: agentRun.job, agentRun };
}

async function howItEnded(db: Db, ref: RunRef, key: string): Promise<AgentTurn> {
  const { job, agentRun } = await find(db, ref, key);
  if (agentRun.state === "failed") return { finished: true, stuck: true };
  const note = await stuckNote(db, job, key);
  if (note === null) return { finished: true };
  await storeStuck(db, agentRun, `The ${agentRun.role} says that it cannot go on: ${note}`);
  return { finished: true, stuck: true };
}

/** What the agent wrote into the file that says so; one that lay there before says nothing. */
async function stuckNote(db: Db, job: Job, key: string): Promise<string | null> {
  const span = await spanOf(db, job, key);
  if (!span) return null;
  const textAt = (headCommit: string) => workspaceText({ publicId: job.publicId, headCommit }, NOTES.stuck);
  const text = await textAt(span.end);
  if (!text?.trim() || text === (await textAt(span.start))) return null;
  return redact(plainText(text.trim())).slice(0, REASON_CHARS).toWellFormed();
}

async function storeStuck(db: Db, agentRun: AgentRun, reason: string): Promise<void> {
  const ended = {
    agent_run: agentRun.key,
    ok: false,
    summary: reason,
    turns: agentRun.turns,
    cost_usd: toUsd(agentRun.spentMicroUsd),
  };
  const events: NewJobEvent[] =
    agentRun.state === "running"
      ? [{ type: "agent.finished", data: ended }]
      : [{ type: "job.note", data: { text: reason } }];
  await runStatement(
    db,
    Prisma.sql`
    WITH held AS MATERIALIZED (
      -- The job before what belongs to it, as everywhere.
      SELECT id FROM job WHERE id = ${agentRun.jobId} FOR UPDATE
    ), ended AS (
      UPDATE agent_run SET state = 'failed', ended_at = COALESCE(ended_at, now()),
        result = COALESCE(result, '{}'::jsonb) || ${JSON.stringify({ stuck: reason })}::jsonb
      WHERE id = ${agentRun.id} AND state <> 'failed' AND job_id IN (SELECT id FROM held) RETURNING job_id
    ), ${appending(Prisma.sql`SELECT job_id FROM ended`, events)}
    ${ANNOUNCED}`,
  );
}
