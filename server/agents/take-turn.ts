// The agent loop's one turn: ask the model (stored), carry out its calls, store what came of it together with the
// commit. Each part is skipped when its result is already there.
import { type Db, runStatement } from "../db";
import type { NewJobEvent } from "../domain/events";
import { toUsd } from "../domain/money";
import { Ended, NotYet } from "../domain/step-outcome";
import { ANNOUNCED, appending } from "../events/append";
import { type AgentRun, type Job, Prisma, type Turn } from "../generated/prisma/client";
import type { ToolCall, ToolResult } from "../models/port";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { askModel } from "./ask-model";
import { answerOf } from "./history";
import { type Nudge, nudgeFor, refuseEndless } from "./nudges";
import { readFinish } from "./read-finish";
import { type Acted, carryOut, SandboxLost, type Snapshot } from "./tool-calls";
import { callTitle, clip } from "./tools";

export type TurnResult = { finished: boolean };

/**
 * Takes the next step of an agent run's turn `n`.
 * @returns whether the agent run has ended with this turn
 * @throws NotYet, GiveUp, Stuck, Ended as a step body
 */
export async function takeTurn(db: Db, ref: RunRef, key: string, n: number): Promise<TurnResult> {
  const [job, agentRun] = await Promise.all([activeJob(db, ref), findAgentRun(db, ref, key)]);
  if (!agentRun) throw new Ended();
  if (agentRun.state !== "running") return { finished: true };
  const turns = agentRun.turnRows;
  let turn = turns[n - 1];
  if (turn?.finishedAt) {
    refuseEndless(agentRun, turns.slice(0, n));
    return { finished: false };
  }
  turn ??= await askModel(db, job, agentRun, turns);
  turn = await pinToLease(db, job, turn);
  try {
    const acted = await carryOut(db, job, agentRun, turn);
    return await finishTurn(db, job, agentRun, [...turns.slice(0, n - 1), turn], acted);
  } catch (error) {
    if (!(error instanceof SandboxLost)) throw error;
    if (error.sameLease) await beginAgain(db, turn);
    throw new NotYet({ kind: "later", ms: 200 });
  }
}

type AgentRunWithTurns = AgentRun & { turnRows: Turn[] };

function findAgentRun(db: Db, { job, run }: RunRef, key: string): Promise<AgentRunWithTurns | null> {
  return db.agentRun.findFirst({
    where: { run, key, job: { publicId: job } },
    include: { turnRows: { orderBy: { n: "asc" } } },
  });
}

/** Under a new fence the sandbox was restored to before this turn: its calls begin again, the answer is not paid again. */
async function pinToLease(db: Db, job: Job, turn: Turn): Promise<Turn> {
  if (turn.fence === job.fence) return turn;
  return db.turn.update({
    where: { agentRunId_n: { agentRunId: turn.agentRunId, n: turn.n } },
    data: { fence: job.fence, attempt: { increment: 1 } },
  });
}

/** The sandbox died under its lease: the calls begin again in the next one, once for whoever notices. */
async function beginAgain(db: Db, { agentRunId, n, attempt }: Turn): Promise<void> {
  await db.$executeRaw`
    UPDATE turn SET attempt = attempt + 1
    WHERE agent_run_id = ${agentRunId} AND n = ${n}::int AND attempt = ${attempt}::int AND finished_at IS NULL`;
}

/** Observations, tree and head are stored together (invariant 8), in one statement. */
async function finishTurn(
  db: Db,
  job: Job,
  agentRun: AgentRun,
  turns: Turn[],
  { results: acted, snapshot }: Acted,
): Promise<TurnResult> {
  const turn = turns.at(-1) as Turn;
  const answer = answerOf(turn);
  const finish = readFinish(agentRun, answer, acted);
  const results = [...acted, ...finish.results];
  const ended = finish.value !== undefined;
  // As it will be stored.
  const done = { ...turn, observations: results as unknown as Prisma.JsonArray };
  const nudge = ended ? null : nudgeFor(job, agentRun, [...turns.slice(0, -1), done]);
  const events: NewJobEvent[] = [
    ...observed(agentRun.key, turn, answer.calls, results),
    ...(snapshot && snapshot.commit !== job.headCommit ? commitEvent(snapshot, turn, agentRun) : []),
    ...(nudge ? [nudgedEvent(agentRun, turn, nudge)] : []),
    ...(ended ? [finishedEvent(agentRun, turns, finish.value)] : []),
  ];
  const whole = Prisma.sql`SELECT id FROM held WHERE EXISTS (SELECT 1 FROM done)`;
  const head = snapshot ? Prisma.sql`, head_commit = ${snapshot.commit}` : Prisma.empty;
  const told = await runStatement(
    db,
    Prisma.sql`
    WITH held AS (
      SELECT id FROM job WHERE id = ${job.id} AND fence = ${turn.fence}::int FOR UPDATE
    ), done AS (
      UPDATE turn SET observations = ${JSON.stringify(results)}::jsonb, nudge = ${nudge?.text ?? null},
        commit = ${snapshot?.commit ?? null}, tree = ${snapshot?.tree ?? null}, finished_at = now()
      WHERE agent_run_id = ${agentRun.id} AND n = ${turn.n}::int AND attempt = ${turn.attempt}::int
        AND finished_at IS NULL AND EXISTS (SELECT 1 FROM held)
      RETURNING agent_run_id
    ), run AS (
      UPDATE agent_run SET turns = ${turn.n}::int
        ${ended ? Prisma.sql`, state = 'finished', ended_at = now(), result = ${JSON.stringify(finish.value)}::jsonb` : Prisma.empty}
      WHERE id IN (SELECT agent_run_id FROM done)
    ), ${appending(whole, events, head)}
    ${ANNOUNCED}`,
  );
  if (told.length === 0) throw await whyNotStored(db, job, turn);
  if (!ended) refuseEndless(agentRun, [...turns.slice(0, -1), { ...done, nudge: nudge?.text ?? null }]);
  return { finished: ended };
}

/** The lease is gone, or somebody else finished the turn meanwhile, perhaps differently: what is stored counts. */
async function whyNotStored(db: Db, job: Job, turn: Turn): Promise<Error> {
  const now = await db.job.findUnique({ where: { id: job.id }, select: { fence: true } });
  return now?.fence === turn.fence ? new NotYet({ kind: "later", ms: 200 }) : new SandboxLost();
}

function nudgedEvent(agentRun: AgentRun, turn: Turn, { reason }: Nudge): NewJobEvent {
  return { type: "agent.nudged", data: { agent_run: agentRun.key, turn: turn.n, reason } };
}

function finishedEvent(agentRun: AgentRun, turns: readonly Turn[], value: unknown): NewJobEvent {
  const spent = turns.reduce((sum, turn) => sum + turn.costMicroUsd, 0n);
  const data = {
    agent_run: agentRun.key,
    ok: true,
    summary: summaryOf(value),
    turns: turns.length,
    cost_usd: toUsd(spent),
  };
  return { type: "agent.finished", data };
}

function observed(key: string, turn: Turn, calls: ToolCall[], results: ToolResult[]): NewJobEvent[] {
  return results.flatMap((result) => {
    const call = calls.find((one) => one.id === result.callId);
    if (!call || (call.name === "finish" && !result.isError)) return [];
    const title = callTitle(call.name, call.input);
    return [
      {
        type: "agent.observed" as const,
        data: {
          agent_run: key,
          turn: turn.n,
          tool: title,
          ok: !result.isError,
          text: clip(result.content, 2000),
        },
      },
    ];
  });
}

function summaryOf(value: unknown): string {
  const fields = value as { summary?: string; spec?: string; findings?: string };
  return clip(
    fields.summary ?? fields.findings ?? (fields.spec ? "The specification is written." : "done"),
    1000,
  );
}

function commitEvent({ commit, changes }: Snapshot, turn: Turn, agentRun: AgentRun): NewJobEvent[] {
  const sum = (pick: (change: { added: number; removed: number }) => number) =>
    changes.reduce((total, change) => total + pick(change), 0);
  return [
    {
      type: "workspace.committed",
      data: {
        commit,
        message: `${agentRun.key}: turn ${turn.n}`,
        files: changes.length,
        added: sum((change) => change.added),
        removed: sum((change) => change.removed),
      },
    },
  ];
}
