// The conversation of an agent run, rebuilt from its stored turns. What is old is shortened and what is too much left
// out, so that the context stays within the model's window; the whole transcript stays in the database.
import type { Turn } from "../generated/prisma/client";
import { answerLimit } from "../models/choose-model";
import { contextTokens } from "../models/context-window";
import type { ModelAnswer, ProviderName, ToolDefinition, ToolResult } from "../models/port";
import { type Fitted, fitContext, type Room } from "./fit-context";
import type { Round } from "./mask-turn";
import { type SteerMessage, withSteering } from "./steering";

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
 * The next question: what the model is shown, and an upper bound of its tokens.
 * @param steering what people said, each at its turn: it keeps its place, so that prompt caches stay valid
 */
export function questionOf(
  prompt: StoredPrompt,
  turns: readonly Turn[],
  steering: readonly SteerMessage[],
  room: Room,
): Fitted {
  const { system, tools } = prompt;
  const rounds = turns.map((turn) => roundOf(turn, steering));
  const first = withSteering(prompt.first, steering, 1);
  return fitContext({ system, tools, first, rounds, people: steering }, room);
}

/** The tokens that a question to a model and its answer may have. */
export function roomOf({ provider, model }: { provider: string; model: string }): Room {
  const name = provider as ProviderName;
  return { window: contextTokens(name, model), answer: answerLimit(name, model) };
}

function roundOf(turn: Turn, steering: readonly SteerMessage[]): Round {
  const said = withSteering(turn.nudge ?? "", steering, turn.n + 1);
  const answer = { ...answerOf(turn), usage: turn.usage as unknown as ModelAnswer["usage"] };
  return { n: turn.n, answer, results: resultsOf(turn), said };
}
