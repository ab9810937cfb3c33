// Stored agent runs and turns in the words of the API.
import type { z } from "zod";
import { toUsd } from "../../domain/money";
import type { AgentRunView, promptView, TurnView } from "../../domain/transcripts";
import type { AgentRun, Turn } from "../../generated/prisma/client";
import type { ModelAnswer, ToolDefinition, ToolResult } from "../../models/port";
import { redactAll } from "../redact";

interface Prompt {
  system: string;
  first: string;
  tools: ToolDefinition[];
  forceTool: string | null;
  maxTurns: number;
}

/** What stands where texts were removed. */
export interface Expired {
  expired?: boolean;
}

export function toAgentRunView(run: AgentRun): AgentRunView {
  return redactAll({
    agent_run: run.key,
    run: run.run,
    role: run.role,
    provider: run.provider,
    model: run.model,
    status: run.state,
    turns: run.turns,
    cost_usd: toUsd(run.spentMicroUsd),
    started_at: run.startedAt.toISOString(),
    ended_at: run.endedAt?.toISOString() ?? null,
    result: run.result ?? null,
  });
}

/** What the model was given; null when that was removed. */
export function toPromptView(run: AgentRun): z.infer<typeof promptView> | null {
  const prompt = run.prompt as unknown as Prompt & Expired;
  if (prompt.expired) return null;
  return redactAll({
    system: prompt.system,
    first: prompt.first,
    tools: prompt.tools.map(({ name }) => name),
    force_tool: prompt.forceTool,
    max_turns: prompt.maxTurns,
  });
}

/** @param said people's messages in the question of this turn */
export function toTurnView(run: AgentRun, turn: Turn, said: { author: string; text: string }[]): TurnView {
  const answer = turn.answer as unknown as ModelAnswer & Expired;
  const usage = turn.usage as unknown as ModelAnswer["usage"];
  const results = (turn.observations ?? []) as unknown as ToolResult[];
  return redactAll({
    turn: turn.n,
    provider: turn.provider ?? run.provider,
    model: turn.model ?? run.model,
    // The row is made when the answer is there.
    asked_at: new Date(turn.askedAt.getTime() - turn.modelMs).toISOString(),
    model_ms: turn.modelMs,
    finished_at: turn.finishedAt?.toISOString() ?? null,
    said,
    text: answer.text,
    thinking: thinkingOf(answer),
    stop: answer.stop,
    calls: answer.calls.map(({ id, name, input }) => ({ id, tool: name, input: input ?? null })),
    results: results.map(({ callId, content, isError }) => ({ id: callId, ok: !isError, content })),
    nudge: turn.nudge,
    usage: {
      input: usage.input,
      output: usage.output,
      cache_read: usage.cacheRead,
      cache_write: usage.cacheWrite,
    },
    cost_usd: toUsd(turn.costMicroUsd),
    commit: turn.commit,
    attempt: turn.attempt,
    expired: answer.expired === true,
  });
}

/** A provider's own blocks are read here and nowhere else: people want to know what it thought. */
function thinkingOf({ raw = [] }: ModelAnswer): string | null {
  const blocks = raw as { type?: unknown; thinking?: unknown }[];
  const texts = blocks.flatMap(({ type, thinking }) =>
    type === "thinking" && typeof thinking === "string" && thinking !== "" ? [thinking] : [],
  );
  return texts.length > 0 ? texts.join("\n\n") : null;
}
