// The agent loop's one turn: ask the model (stored), carry out its calls, store what came of it together with the
// commit. Each part is skipped when its result is already there.
import type { z } from "zod";
import type { Db } from "../db";
import type { NewJobEvent } from "../domain/events";
import { toUsd } from "../domain/money";
import { Ended, NotYet, Stuck } from "../domain/step-outcome";
import { env } from "../env";
import { appendEvents } from "../events/append";
import type { AgentRun, Job, Turn } from "../generated/prisma/client";
import type { ToolCall, ToolResult } from "../models/port";
import { activeJob, leasedMs, type RunRef } from "../services/jobs/active-job";
import { askModel } from "./ask-model";
import { answerOf, resultsOf, type StoredPrompt } from "./history";
import { type AgentRole, promptOf } from "./roles/roles";
import { stuckReason } from "./stuck";
import { carryOut, SandboxLost, type Snapshot } from "./tool-calls";
import { callTitle, clip } from "./tools";

const CUT_OFF =
  "Your answer reached its limit of tokens and was cut off; a call that was not complete was not made. Go on in smaller pieces.";
const STUCK = "You seem to be stuck";
const NO_TOOL = "Use a tool. When everything is done, call finish.";

export type TurnResult = { finished: boolean };

/**
 * Takes the next step of an agent run's turn `n`.
 * @returns whether the agent run has ended with this turn
 * @throws NotYet, GiveUp, Stuck, Ended as a step body
 */
export async function takeTurn(db: Db, ref: RunRef, key: string, n: number): Promise<TurnResult> {
  const job = await activeJob(db, ref);
  const agentRun = await db.agentRun.findUnique({
    where: { jobId_run_key: { jobId: job.id, run: job.run, key } },
    include: { turnRows: { orderBy: { n: "asc" } } },
  });
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
    return await finishTurn(
      db,
      job,
      agentRun,
      [...turns.slice(0, n - 1), turn],
      acted.results,
      acted.snapshot,
    );
  } catch (error) {
    if (error instanceof SandboxLost) throw new NotYet({ kind: "later", ms: 200 });
    throw error;
  }
}

/** Under a new fence the sandbox was restored to before this turn: its calls begin again, the answer is not paid again. */
async function pinToLease(db: Db, job: Job, turn: Turn): Promise<Turn> {
  if (turn.fence === job.fence) return turn;
  return db.turn.update({
    where: { agentRunId_n: { agentRunId: turn.agentRunId, n: turn.n } },
    data: { fence: job.fence, attempt: { increment: 1 } },
  });
}

async function finishTurn(
  db: Db,
  job: Job,
  agentRun: AgentRun,
  turns: Turn[],
  acted: ToolResult[],
  snapshot: Snapshot | null,
): Promise<TurnResult> {
  const turn = turns.at(-1) as Turn;
  const answer = answerOf(turn);
  const finish = readFinish(agentRun, answer.calls, acted);
  const results = [...acted, ...finish.results];
  const ended = finish.value !== undefined;
  const nudge = ended ? null : nudgeFor(job, agentRun, turns, results);
  const committed =
    snapshot && snapshot.commit !== job.headCommit ? commitEvent(snapshot, turn, agentRun) : [];
  await db.$transaction(async (tx) => {
    const held = await tx.$queryRaw<{ fence: number; head_commit: string | null }[]>`
      SELECT fence, head_commit FROM job WHERE id = ${job.id} FOR UPDATE`;
    if (held[0]?.fence !== turn.fence) throw new SandboxLost();
    const { count } = await tx.turn.updateMany({
      where: { agentRunId: agentRun.id, n: turn.n, finishedAt: null },
      data: {
        observations: results as object[],
        nudge: nudge?.text ?? null,
        commit: snapshot?.commit ?? null,
        tree: snapshot?.tree ?? null,
        finishedAt: new Date(),
      },
    });
    // Somebody else finished it meanwhile, perhaps differently: what is stored counts.
    if (count === 0) throw new NotYet({ kind: "later", ms: 200 });
    if (snapshot) await tx.job.update({ where: { id: job.id }, data: { headCommit: snapshot.commit } });
    const run = await tx.agentRun.update({
      where: { id: agentRun.id },
      data: {
        turns: turn.n,
        ...(ended ? { state: "finished" as const, result: finish.value as object, endedAt: new Date() } : {}),
      },
    });
    await appendEvents(tx, job.id, [
      ...observed(agentRun.key, turn, answer.calls, results),
      ...committed,
      ...(nudge
        ? [
            {
              type: "agent.nudged" as const,
              data: { agent_run: agentRun.key, turn: turn.n, reason: nudge.reason },
            },
          ]
        : []),
      ...(ended
        ? [
            {
              type: "agent.finished" as const,
              data: {
                agent_run: agentRun.key,
                ok: true,
                summary: summaryOf(finish.value),
                turns: turn.n,
                cost_usd: toUsd(run.spentMicroUsd),
              },
            },
          ]
        : []),
    ]);
  });
  if (!ended) refuseEndless(agentRun, [...turns.slice(0, -1), { ...turn, nudge: nudge?.text ?? null }]);
  return { finished: ended };
}

interface Finish {
  /** The role's result, when it may end with it. */
  value?: unknown;
  /** Every call is answered: a provider refuses a conversation in which one is not. */
  results: ToolResult[];
}

/** It ends when `finish` was called once, rightly, and nothing else of the turn went wrong. */
function readFinish(agentRun: AgentRun, calls: ToolCall[], acted: ToolResult[]): Finish {
  const all = calls.filter((one) => one.name === "finish");
  const answer = (content: string, isError: boolean) =>
    all.map((call): ToolResult => ({ callId: call.id, content, isError }));
  const [call] = all;
  if (!call) return { results: [] };
  if (all.length > 1) return { results: answer("finish: call it once, as the last thing", true) };
  const schema: z.ZodType = promptOf(agentRun.role as AgentRole).finish;
  const parsed = schema.safeParse(call.input);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return {
      results: answer(`finish: ${issue?.path.join(".") || "input"}: ${issue?.message ?? "is wrong"}`, true),
    };
  }
  if (acted.some((result) => result.isError))
    return { results: answer("finish: not yet, because another call of this answer failed", true) };
  return { value: parsed.data, results: answer("finished", false) };
}

interface Nudge {
  text: string;
  reason: string;
  stuck: boolean;
}

function nudgeFor(job: Job, agentRun: AgentRun, turns: Turn[], results: ToolResult[]): Nudge | null {
  const past = turns.map((turn, i) => ({
    calls: answerOf(turn).calls,
    results: i === turns.length - 1 ? results : resultsOf(turn),
  }));
  const reason = stuckReason(past);
  if (reason) {
    return {
      reason,
      stuck: true,
      text: `${STUCK}: ${reason}. Look at the cause and try something else.`,
    };
  }
  if (leasedMs(job) > env().JOB_SOFT_TIMEOUT * 1000) {
    const text =
      "The time for this job is nearly used up. Bring what you have into a working state and call finish now.";
    return { reason: "the job's time is nearly used up", stuck: false, text };
  }
  const { maxTurns } = agentRun.prompt as unknown as StoredPrompt;
  if (turns.length >= maxTurns - 2) {
    return {
      reason: "few turns left",
      stuck: false,
      text: "You have hardly any turns left. Finish what works and call finish.",
    };
  }
  if (answerOf(turns.at(-1) as Turn).stop === "max_tokens") {
    return { reason: "the answer was cut off", stuck: false, text: CUT_OFF };
  }
  if (past.at(-1)?.calls.length === 0) return { reason: "no tool was used", stuck: false, text: NO_TOOL };
  return null;
}

/** One nudge, then stop. Reads nothing but stored turns, so that a step that died before it could say so says it again. */
function refuseEndless(agentRun: AgentRun, turns: readonly Turn[]): void {
  const warned = turns.filter((turn) => turn.nudge?.startsWith(STUCK));
  const last = turns.at(-1);
  if (warned.length > 1 && warned.at(-1) === last) {
    const reason = last?.nudge?.slice(STUCK.length + 2).split(". Look")[0];
    throw new Stuck(`The ${agentRun.role} is stuck: ${reason}.`);
  }
  const { maxTurns } = agentRun.prompt as unknown as StoredPrompt;
  if (turns.length >= maxTurns)
    throw new Stuck(`The ${agentRun.role} did not finish within ${maxTurns} turns.`);
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
