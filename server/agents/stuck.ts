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
  const errors = turns.flatMap((turn) =>
    turn.results.filter((result) => result.isError).map((r) => withoutTimes(r.content.trim())),
  );
  const lastTurnFailed = turns.at(-1)?.results.some((result) => result.isError) ?? false;
  const lastErrors = errors.slice(-SAME_ERROR);
  if (lastTurnFailed && lastErrors.length === SAME_ERROR && lastErrors.every((e) => e === lastErrors[0])) {
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

/** How long a program took differs from run to run, though nothing else does. */
const withoutTimes = (text: string) => text.replace(/\b\d+(?:\.\d+)?\s?(?:ms|s|seconds?)\b/g, "#s");
