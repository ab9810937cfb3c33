// An answer is stored before anything acts on it, in the transaction that pays for it (invariants 3 and 11).
import type { Db } from "../db";
import type { NewJobEvent } from "../domain/events";
import { ANNOUNCED, appendEvents, appending } from "../events/append";
import { type AgentRun, type Job, Prisma, type Turn } from "../generated/prisma/client";
import type { ModelAnswer } from "../models/port";
import { alertRoot, settle, spendEvents } from "../services/spend/settle-spend";
import { readWith } from "./steering";
import { callTitle } from "./tools";

export interface Asked {
  job: Job;
  agentRun: AgentRun;
  /** Number of the turn, from 1. */
  n: number;
  /** Key of the call's reservation. */
  key: string;
  /** Without secrets. */
  answer: ModelAnswer;
  modelMs: number;
  /** Micro-dollars. */
  cost: bigint;
  /** The messages of people that stood in the question. */
  steering?: readonly bigint[];
}

/** Stores, pays and logs an answer. @returns the stored turn, which is another one's when that came first */
export async function storeAnswer(db: Db, asked: Asked): Promise<Turn> {
  const { job, agentRun, n, key, answer, modelMs, cost, steering = [] } = asked;
  return db.$transaction(async (tx) => {
    // A call that was made is paid for, also when another one of the same turn came first and its answer counts.
    const settled = await settle(tx, { key, usage: answer.usage, costMicro: cost, as: "settled" });
    const paid = settled ? spendEvents(settled) : [];
    if (settled) await alertRoot(tx, settled);
    const events = [
      ...readEvents(agentRun.key, n, steering),
      ...paid,
      ...answerEvents(agentRun.key, n, answer),
    ];
    const [made] = await tx.$queryRaw<{ asked_at: Date }[]>`
      WITH made AS (
        INSERT INTO turn (agent_run_id, n, answer, usage, cost_micro_usd, provider, model, model_ms, fence)
        VALUES (${agentRun.id}, ${n}::int, ${json(answer)}::jsonb, ${json(answer.usage)}::jsonb, ${cost}::bigint,
          ${agentRun.provider}, ${agentRun.model}, ${modelMs}::int, ${job.fence}::int)
        ON CONFLICT DO NOTHING RETURNING asked_at
      ), ${Prisma.join([...readWith(agentRun, n, steering), appending(Prisma.sql`SELECT ${job.id}::bigint FROM made`, events)])},
      announced AS (${ANNOUNCED})
      SELECT asked_at FROM made, announced`;
    if (made) return rowOf(asked, made.asked_at);
    await appendEvents(tx, job.id, paid);
    return tx.turn.findUniqueOrThrow({ where: { agentRunId_n: { agentRunId: agentRun.id, n } } });
  });
}

function readEvents(key: string, n: number, steering: readonly bigint[]): NewJobEvent[] {
  if (steering.length === 0) return [];
  return [{ type: "steer.delivered", data: { messages: steering.map(String), agent_run: key, turn: n } }];
}

function answerEvents(key: string, n: number, { text, calls }: ModelAnswer): NewJobEvent[] {
  const said = { type: "agent.text" as const, data: { agent_run: key, turn: n, text } };
  return [
    ...(text.trim() ? [said] : []),
    ...calls.map((call) => ({
      type: "agent.call" as const,
      data: {
        agent_run: key,
        turn: n,
        tool: call.name,
        title: callTitle(call.name, call.input),
        command_id: null,
      },
    })),
  ];
}

/** The row as it was just inserted. */
function rowOf({ job, agentRun, n, answer, modelMs, cost }: Asked, askedAt: Date): Turn {
  return {
    agentRunId: agentRun.id,
    n,
    answer: answer as unknown as Prisma.JsonObject,
    usage: { ...answer.usage },
    costMicroUsd: cost,
    provider: agentRun.provider,
    model: agentRun.model,
    attempt: 0,
    fence: job.fence,
    askedAt,
    modelMs,
    observations: null,
    commit: null,
    tree: null,
    nudge: null,
    finishedAt: null,
  };
}

const json = (value: unknown) => JSON.stringify(value);
