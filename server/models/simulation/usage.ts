// Estimates tokens as a quarter of the characters, split the way a prompt cache would: what stood in the
// conversation at the turn before is read from the cache, the rest is written to it.
import type { Message, ModelRequest, Usage } from "../port";
import type { PlannedAnswer } from "./roles/answer";

const CHARACTERS_A_TOKEN = 4;

/** Usage of one call. */
export function usageOf(request: ModelRequest, answer: PlannedAnswer): Usage {
  const fixed = tokens(request.system) + tokens(JSON.stringify(request.tools));
  const lastAnswer = request.messages.findLastIndex((message) => message.role === "assistant");
  const before = lastAnswer < 0 ? [] : request.messages.slice(0, lastAnswer);
  const since = request.messages.slice(Math.max(lastAnswer, 0));
  const cached = lastAnswer < 0 ? 0 : fixed + sum(before);
  return {
    input: 0,
    output: Math.max(1, outputTokens(answer)),
    cacheRead: cached,
    cacheWrite: Math.max(1, (lastAnswer < 0 ? fixed : 0) + sum(since)),
  };
}

/** Tokens of an answer. */
export function outputTokens(answer: PlannedAnswer): number {
  return (
    tokens(answer.text) +
    answer.calls.reduce((total, call) => total + tokens(call.name) + tokens(JSON.stringify(call.input)), 0)
  );
}

function sum(messages: readonly Message[]): number {
  return messages.reduce((total, message) => total + tokens(JSON.stringify(message)), 0);
}

function tokens(text: string): number {
  return Math.ceil(text.length / CHARACTERS_A_TOKEN);
}
