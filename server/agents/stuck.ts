// When an agent is going round in circles. Pure: looks at what it did and what came of it.
import type { ToolCall, ToolResult } from "../models/port";

export interface PastTurn {
  calls: ToolCall[];
  results: ToolResult[];
}

const SAME_ACTION = 4;
const SAME_ERROR = 3;
const NO_ACTION = 3;

/**
 * Says why an agent counts as stuck, or null. The first time it is nudged with this reason, the second time stopped.
 * @param turns all finished turns of the agent run, oldest first
 */
export function stuckReason(turns: readonly PastTurn[]): string | null {
  const idle = turns.slice(-NO_ACTION);
  if (idle.length === NO_ACTION && idle.every((turn) => turn.calls.length === 0)) {
    return `${NO_ACTION} answers in a row without using a tool`;
  }
  const prints = turns.map(fingerprint);
  const last = prints.at(-1);
  if (
    last &&
    prints.slice(-SAME_ACTION).length === SAME_ACTION &&
    prints.slice(-SAME_ACTION).every((p) => p === last)
  ) {
    return `the same action with the same result ${SAME_ACTION} times`;
  }
  const failures = turns.map(failuresOf);
  const lastErrors = failures.flat().slice(-SAME_ERROR);
  const goesOn = (failures.at(-1)?.length ?? 0) === 0;
  if (!goesOn && lastErrors.length === SAME_ERROR && lastErrors.every((e) => e === lastErrors[0])) {
    return `the same error ${SAME_ERROR} times`;
  }
  const six = prints.slice(-6);
  if (six.length === 6 && six[0] !== six[1] && six.every((p, i) => p === six[i % 2])) {
    return "two actions by turns, over and over";
  }
  return null;
}

function fingerprint(turn: PastTurn): string {
  const calls = turn.calls.map((call) => [call.name, call.input]);
  return JSON.stringify([calls, turn.results.map((result) => withoutTimes(result.content))]);
}

/** What went wrong in a turn: calls that were refused, and commands that failed; equal ones are equal texts. */
function failuresOf({ calls, results }: PastTurn): string[] {
  return results.flatMap(({ callId, content, isError }) => {
    if (isError) return [withoutTimes(content.trim())];
    const call = calls.find(({ id }) => id === callId);
    return call?.name === "run" ? failedCommand(call.input, content) : [];
  });
}

/**
 * A command that failed counts by its kind and by all that it said, so that another try of the same tests, with their
 * files named otherwise, is known again. One that says nothing, as a search that finds nothing, is known by its text.
 */
function failedCommand(input: unknown, content: string): string[] {
  const [head = "", ...lines] = content.split("\n");
  if (!head.startsWith("exit code ") || /^exit code 0\b/.test(head)) return [];
  const { command } = input as { command?: unknown };
  if (typeof command !== "string") return [];
  const said = withoutTimes(lines.join("\n").trim());
  return [JSON.stringify([said === "" ? command.trim() : kindOf(command), head, said])];
}

/** The program that a command is about: its first word behind a change of folder and what is set for it. */
function kindOf(command: string): string {
  const bare = command.trim().replace(/^(?:cd\s+\S+\s*(?:&&|;)\s*|[A-Za-z_]\w*=\S*\s+)+/, "");
  return /^\S+/.exec(bare)?.[0] ?? bare;
}

/** How long a program took, when, and where in memory differs from run to run, though nothing else does. */
const withoutTimes = (text: string) =>
  text
    .replace(/\b\d+(?:\.\d+)?\s?(?:ms|s|seconds?)\b/g, "#s")
    .replace(/(duration_ms\D{0,3})[\d.]+/g, "$1#")
    .replace(/\b\d\d:\d\d:\d\d(?:\.\d+)?\b/g, "#:#")
    .replace(/\b0x[0-9a-f]{6,}\b/gi, "0x#");
