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

/** The nudge of a turn after which an agent begins afresh: what went before is not shown to it again. */
export const BEGAN_AFRESH =
  "What you handed in could not be read, twice. You begin afresh; what was done is in the workspace.";
const AFRESH =
  "Somebody has worked on this before you; what was done is in the workspace. Look at it first. When you hand in, keep to the names and types of the tool finish exactly.";

/** The turns since the agent began afresh, or all. */
export function sinceFresh<T extends Pick<Turn, "nudge">>(turns: readonly T[]): readonly T[] {
  return turns.slice(turns.findLastIndex((turn) => turn.nudge === BEGAN_AFRESH) + 1);
}

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
  const shown = sinceFresh(turns);
  const rounds = shown.map((turn) => roundOf(turn, steering));
  const first = firstOf(prompt, turns.length - shown.length, steering);
  return fitContext({ system, tools, first, rounds, people: steering }, room);
}

/** The first message; after `past` turns that are not shown, with everything that people said until then. */
function firstOf(prompt: StoredPrompt, past: number, steering: readonly SteerMessage[]): string {
  let text = past > 0 ? `${prompt.first}\n${AFRESH}` : prompt.first;
  for (let n = 1; n <= past + 1; n++) text = withSteering(text, steering, n);
  return text;
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
