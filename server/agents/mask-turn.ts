// What is left of a turn that is long ago: which tools were called on what, not what they were given or answered. The
// shapes stay those of the turn, so that a provider accepts calls and results as they were paired.
import type { Message, ModelAnswer, ToolCall, ToolResult } from "../models/port";

export type AnswerMessage = Extract<Message, { role: "assistant" }>;
export type UserMessage = Extract<Message, { role: "user" }>;

/** Texts up to this many characters stay as they are. */
const SHORT = 400;
/** What is kept of an answer's own words and of a long command. */
const KEPT_WORDS = 1_000;
const KEPT_COMMAND = 300;

/** One finished turn of a conversation. */
export interface Round {
  /** Number of the turn, from 1. */
  n: number;
  answer: ModelAnswer;
  results: ToolResult[];
  /** What is said to the model besides the results, before its next answer: a nudge, people's messages. */
  said: string;
}

/** The two messages of a round, as they were. */
export function shownInFull({ answer, results, said }: Round): [AnswerMessage, UserMessage] {
  const { text, calls, raw } = answer;
  return [
    { role: "assistant", text, calls, ...(raw && { raw }) },
    { role: "user", text: said, results },
  ];
}

/** The two messages of a round without what was long in it. What people said stays. */
export function masked({ answer, results, said }: Round): [AnswerMessage, UserMessage] {
  return [
    { role: "assistant", text: cut(answer.text, KEPT_WORDS), calls: answer.calls.map(maskedCall) },
    { role: "user", text: said, results: results.map(maskedResult) },
  ];
}

export function maskedResult(result: ToolResult): ToolResult {
  if (result.content.length <= SHORT) return result;
  return {
    ...result,
    content: `[${result.content.length} characters of an earlier result left out; look again if you need it]`,
  };
}

/** Every long text among the arguments becomes a note; their names and types stay. */
export function maskedCall(call: ToolCall): ToolCall {
  return { ...call, input: maskedValue(call.input, 0) };
}

const DEEPEST = 6;

function maskedValue(value: unknown, depth: number, name = ""): unknown {
  if (typeof value === "string") {
    if (value.length <= SHORT) return value;
    if (name === "command" || name === "path") return cut(value, KEPT_COMMAND);
    return `[${value.length} characters left out; read the file if you need them]`;
  }
  if (typeof value !== "object" || value === null) return value;
  if (depth === DEEPEST || Object.keys(value).length > 50) {
    return Array.isArray(value) ? [] : {};
  }
  if (Array.isArray(value)) return value.map((item) => maskedValue(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [cut(key, 100), maskedValue(item, depth + 1, key)]),
  );
}

function cut(text: string, kept: number): string {
  if (text.length <= kept + 100) return text;
  return `${text.slice(0, kept)} [${text.length - kept} more characters left out]`.toWellFormed();
}
