// The conversation of an agent run, rebuilt from its stored turns. Old observations are masked, so that the context
// stays small; the whole transcript stays in the database.
import type { Turn } from "../generated/prisma/client";
import type { Message, ModelAnswer, ToolDefinition, ToolResult } from "../models/port";
import { type SteerMessage, withSteering } from "./steering";

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
  /** Commit of the workspace when it began; null for an empty one. */
  head?: string | null;
}

export const answerOf = (turn: Turn) => turn.answer as unknown as ModelAnswer;
export const resultsOf = (turn: Turn) => (turn.observations ?? []) as unknown as ToolResult[];

/**
 * Messages for the next question.
 * @param steering what people said, each at its turn: it keeps its place, so that prompt caches stay valid
 */
export function messagesOf(
  prompt: StoredPrompt,
  turns: readonly Turn[],
  steering: readonly SteerMessage[] = [],
): Message[] {
  const messages: Message[] = [{ role: "user", text: withSteering(prompt.first, steering, 1) }];
  turns.forEach((turn, index) => {
    const answer = answerOf(turn);
    messages.push({ role: "assistant", text: answer.text, calls: answer.calls, raw: answer.raw });
    const old = index < turns.length - KEEP_TURNS;
    const results = resultsOf(turn).map((result) => (old ? masked(result) : result));
    messages.push({ role: "user", text: withSteering(turn.nudge ?? "", steering, turn.n + 1), results });
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
export function inputTokenBound(
  prompt: StoredPrompt,
  turns: readonly Turn[],
  steering: readonly SteerMessage[] = [],
): number {
  const last = turns.at(-1);
  const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
  const said = withSteering("", steering, turns.length + 1);
  if (!last) return Math.ceil(bytes([prompt, said]) / 2) + 100;
  const usage = last.usage as unknown as ModelAnswer["usage"];
  const before = usage.input + usage.cacheRead + usage.cacheWrite + usage.output;
  return before + Math.ceil(bytes([last.observations, last.nudge, said]) / 2) + 100;
}
