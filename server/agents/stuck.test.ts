import { describe, expect, test } from "vitest";
import { type PastTurn, stuckReason } from "./stuck";

const did = (command: string, content: string, isError = false): PastTurn => ({
  calls: [{ id: `${Math.random()}`, name: "run", input: { command } }],
  results: [{ callId: "x", content, isError }],
});
const idle: PastTurn = { calls: [], results: [] };
const times = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);

describe("an agent is stuck", () => {
  test.each([
    ["after three answers without a tool", times(3, idle), /without using a tool/],
    ["after the same action with the same result four times", times(4, did("ls", "a")), /4 times/],
    ["after the same error three times", [1, 2, 3].map((n) => did(`try ${n}`, "no", true)), /same error 3/],
    [
      "after the same error three times with something else between",
      [did("a", "no", true), did("b", "fine"), did("c", "no", true), did("d", "no", true)],
      /same error 3/,
    ],
    [
      "after two actions by turns three times",
      times(3, [did("a", "1"), did("b", "2")]).flat(),
      /two actions by turns/,
    ],
  ])("%s", (_name, turns, reason) => {
    expect(stuckReason(turns)).toMatch(reason);
    expect(stuckReason(turns.slice(1))).toBeNull();
  });
});

describe("an agent is not stuck", () => {
  test.each([
    ["at the beginning", []],
    ["while results differ", [1, 2, 3, 4, 5, 6].map((n) => did("poll", `${n}`))],
    ["while actions differ", [1, 2, 3, 4, 5, 6].map((n) => did(`${n}`, "same"))],
    ["after it went on from an error", [...times(3, did("x", "no", true)), did("y", "fine")]],
    ["after a tool between two idle answers", [idle, idle, did("a", "1"), idle]],
    ["while errors differ", [1, 2, 3].map((n) => did("x", `error ${n}`, true))],
  ])("%s", (_name, turns) => expect(stuckReason(turns)).toBeNull());
});
