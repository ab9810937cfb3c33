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
      "after the same tests with the same result, however long each took",
      [0.02, 0.03, 0.11, 4].map((s) => did("pytest", `1 failed in ${s}s`)),
      /4 times/,
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
    ["after the same action three times", times(3, did("ls", "a"))],
    [
      "after the same action with other results between",
      [did("ls", "a"), did("ls", "a"), did("ls", "b"), did("ls", "a")],
    ],
    [
      "after the same error twice, and once before something went right",
      [did("a", "no", true), did("b", "fine"), did("c", "no", true), did("d", "fine")],
    ],
    ["after two actions by turns twice", times(2, [did("a", "1"), did("b", "2")]).flat()],
    ["while numbers in results differ", [1, 2, 3, 4].map((n) => did("pytest", `${n} failed in 1s`))],
    ["while errors differ", [1, 2, 3].map((n) => did("x", `error ${n}`, true))],
  ])("%s", (_name, turns) => expect(stuckReason(turns)).toBeNull());
});
