// The conversation of an agent run, rebuilt from its stored turns. Old observations are masked, so that the context
// stays small; the whole transcript stays in the database.
import type { Turn } from "../generated/prisma/client";
import type { Message, ModelAnswer, ToolDefinition, ToolResult } from "../models/port";

/** Observations of this many latest turns are shown in full. */
const KEEP_TURNS = 10;
const MASK_OVER_CHARS = 400;

/** What a model is given at the start of an agent run; stored with it. */
export interface StoredPrompt {
  system: string;
  first: string;
  tools: ToolDefinition[];
  forceTool: string | null;
  maxTurns: number;
  /** Paths and patterns that searches and outlines leave out. */
  ignored?: readonly string[];
}

export const answerOf = (turn: Turn) => turn.answer as unknown as ModelAnswer;
export const resultsOf = (turn: Turn) => (turn.observations ?? []) as unknown as ToolResult[];

/** Messages for the next question. */
export function messagesOf(prompt: StoredPrompt, turns: readonly Turn[]): Message[] {
  const messages: Message[] = [{ role: "user", text: prompt.first }];
  turns.forEach((turn, index) => {
    const answer = answerOf(turn);
    messages.push({ role: "assistant", text: answer.text, calls: answer.calls, raw: answer.raw });
    const old = index < turns.length - KEEP_TURNS;
    const results = resultsOf(turn).map((result) => (old ? masked(result) : result));
    messages.push({ role: "user", text: turn.nudge ?? "", results });
  });
  return messages;
}

function masked(result: ToolResult): ToolResult {
  if (result.content.length <= MASK_OVER_CHARS) return result;
  return {
    ...result,
    content: `[${result.content.length} characters of an earlier result left out; look again if you need it]`,
  };
}

/**
 * Upper bound of the tokens of the next question: what the last one took, plus the bytes that are new since, halved.
 * For a first question all bytes are new.
 */
export function inputTokenBound(prompt: StoredPrompt, turns: readonly Turn[]): number {
  const last = turns.at(-1);
  const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
  if (!last) return Math.ceil(bytes(prompt) / 2) + 100;
  const usage = last.usage as unknown as ModelAnswer["usage"];
  const before = usage.input + usage.cacheRead + usage.cacheWrite + usage.output;
  return before + Math.ceil(bytes([last.observations, last.nudge]) / 2) + 100;
}
