// The agent loop's one turn: ask the model (stored), carry out its calls, store what came of it together with the
// commit. Each part is skipped when its result is already there.
import type { z } from "zod";
import type { Db } from "../db";
import type { NewJobEvent } from "../domain/events";
import { toUsd } from "../domain/money";
import { Ended, NotYet, Stuck } from "../domain/step-outcome";
import { appendEvents } from "../events/append";
import type { AgentRun, Job, Turn } from "../generated/prisma/client";
import type { ToolCall, ToolResult } from "../models/port";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { jobRepository } from "../services/workspace/job-repository";
import { diffStat } from "../workspaces/diff";
import { askModel } from "./ask-model";
import { answerOf, resultsOf, type StoredPrompt } from "./history";
import { type AgentRole, promptOf } from "./roles/roles";
import { stuckReason } from "./stuck";
import { carryOut, SandboxLost } from "./tool-calls";
import { callTitle, clip } from "./tools";

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
  if (turn?.finishedAt) return { finished: false };
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
  snapshot: { commit: string; tree: string } | null,
): Promise<TurnResult> {
  const turn = turns.at(-1) as Turn;
  const answer = answerOf(turn);
  const finish = readFinish(agentRun, answer.calls);
  const results = finish?.refusal
    ? [...acted, finish.refusal]
    : finish
      ? [...acted, accepted(finish.call)]
      : acted;
  const clean = results.every((result) => !result.isError);
  const ended = finish?.value !== undefined && clean;
  const nudge = ended ? null : nudgeFor(agentRun, turns, results);
  const committed =
    snapshot && snapshot.commit !== job.headCommit
      ? await commitEvent(job, snapshot.commit, turn, agentRun)
      : [];
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
    if (count === 0) return;
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
  if (!ended) refuseEndless(agentRun, turns, turn.n, nudge);
  return { finished: ended };
}

interface Finish {
  call: ToolCall;
  value?: unknown;
  refusal?: ToolResult;
}

function readFinish(agentRun: AgentRun, calls: ToolCall[]): Finish | null {
  const call = calls.find((one) => one.name === "finish");
  if (!call) return null;
  const schema: z.ZodType = promptOf(agentRun.role as AgentRole).finish;
  const parsed = schema.safeParse(call.input);
  if (parsed.success) return { call, value: parsed.data };
  const issue = parsed.error.issues[0];
  const content = `finish: ${issue?.path.join(".") || "input"}: ${issue?.message ?? "is wrong"}`;
  return { call, refusal: { callId: call.id, content, isError: true } };
}

const accepted = (call: ToolCall): ToolResult => ({ callId: call.id, content: "finished", isError: false });

interface Nudge {
  text: string;
  reason: string;
  stuck: boolean;
}

function nudgeFor(agentRun: AgentRun, turns: Turn[], results: ToolResult[]): Nudge | null {
  const past = turns.map((turn, i) => ({
    calls: answerOf(turn).calls,
    results: i === turns.length - 1 ? results : resultsOf(turn),
  }));
  const reason = stuckReason(past);
  if (reason) {
    return {
      reason,
      stuck: true,
      text: `You seem to be stuck: ${reason}. Look at the cause and try something else.`,
    };
  }
  const { maxTurns } = agentRun.prompt as unknown as StoredPrompt;
  if (turns.length >= maxTurns - 2) {
    return {
      reason: "few turns left",
      stuck: false,
      text: "You have hardly any turns left. Finish what works and call finish.",
    };
  }
  if (past.at(-1)?.calls.length === 0) return { reason: "no tool was used", stuck: false, text: NO_TOOL };
  return null;
}

/** One nudge, then stop. */
function refuseEndless(agentRun: AgentRun, turns: Turn[], n: number, nudge: Nudge | null): void {
  const nudgedBefore = turns.slice(0, -1).some((turn) => turn.nudge?.startsWith("You seem to be stuck"));
  if (nudge?.stuck && nudgedBefore) throw new Stuck(`The ${agentRun.role} is stuck: ${nudge.reason}.`);
  const { maxTurns } = agentRun.prompt as unknown as StoredPrompt;
  if (n >= maxTurns) throw new Stuck(`The ${agentRun.role} did not finish within ${maxTurns} turns.`);
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

async function commitEvent(job: Job, commit: string, turn: Turn, agentRun: AgentRun): Promise<NewJobEvent[]> {
  const changes = await diffStat(jobRepository(job.publicId), job.headCommit, commit);
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
