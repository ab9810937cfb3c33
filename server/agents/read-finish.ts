// What an agent hands in, read by its role's schema. It is mended where it has one meaning only; else the model is told
// exactly what is wrong, and nothing of it is used.
import type { z } from "zod";
import type { AgentRun, Turn } from "../generated/prisma/client";
import type { ModelAnswer, ToolCall, ToolResult } from "../models/port";
import { readJson } from "../models/repair-json";
import { readInput } from "./coerce-input";
import { answerOf, resultsOf, type StoredPrompt } from "./history";
import { type AgentRole, promptOf } from "./roles/roles";

export interface Finish {
  /** The role's result, when it may end with it. */
  value?: unknown;
  /** Every call is answered: a provider refuses a conversation in which one is not. */
  results: ToolResult[];
}

/** Ends the refusal of a result that could not be read; stored turns are told by it. */
const AGAIN = "Nothing was handed in: call finish again with this mended.";

/** It ends when `finish` was called once, rightly, and nothing else of the turn went wrong. */
export function readFinish(agentRun: AgentRun, answer: ModelAnswer, acted: readonly ToolResult[]): Finish {
  const all = answer.calls.filter((one) => one.name === "finish");
  const told = (content: string, isError: boolean) =>
    all.map((call): ToolResult => ({ callId: call.id, content, isError }));
  const schema: z.ZodType = promptOf(agentRun.role as AgentRole).finish;
  const [call] = all;
  if (!call) return { results: [], ...inWords(agentRun, answer, schema) };
  if (all.length > 1) return { results: told("finish: call it once, as the last thing", true) };
  const read = call.unreadable ? { wrong: call.unreadable } : readInput(schema, call.input);
  if ("wrong" in read) return { results: told(`finish: ${read.wrong}. ${AGAIN}`, true) };
  if (acted.some((result) => result.isError))
    return { results: told("finish: not yet, because another call of this answer failed", true) };
  return { value: read.value, results: told("finished", false) };
}

/** A role that does nothing but hand in may have written its result as text: JSON that fits as it is. */
function inWords(
  agentRun: AgentRun,
  { text, calls, stop }: ModelAnswer,
  schema: z.ZodType,
): { value?: unknown } {
  const { forceTool } = agentRun.prompt as unknown as StoredPrompt;
  if (forceTool !== "finish" || calls.length > 0 || stop !== "end") return {};
  const json = readJson(firstBlock(text) ?? text.trim());
  if (!("value" in json) || typeof json.value !== "object") return {};
  const read = readInput(schema, json.value);
  return "value" in read ? { value: read.value } : {};
}

/** What stands in the first block of a text. Its end is looked for once: where it has none, no later one has one. */
function firstBlock(text: string): string | null {
  const begin = /```(?:json)?[ \t]*\n/.exec(text);
  const inside = begin ? text.slice(begin.index + begin[0].length) : "";
  const end = /\n[ \t]*```/.exec(inside);
  return end ? inside.slice(0, end.index) : null;
}

/** Whether a turn handed in something that could not be read, or nothing where that was all that was asked. */
export function unreadable(
  agentRun: AgentRun,
  calls: readonly ToolCall[],
  results: readonly ToolResult[],
): boolean {
  if (results.some(({ isError, content }) => isError && content.endsWith(AGAIN))) return true;
  const { forceTool } = agentRun.prompt as unknown as StoredPrompt;
  return forceTool === "finish" && !calls.some((call) => call.name === "finish");
}

/** The same of a stored turn. */
export const wasUnreadable = (agentRun: AgentRun, turn: Turn): boolean =>
  unreadable(agentRun, answerOf(turn).calls, resultsOf(turn));
