import { describe, expect, test } from "vitest";
import { type PastTurn, stuckReason } from "./stuck";

let calls = 0;
const did = (command: string, content: string, isError = false): PastTurn => {
  const id = `call_${++calls}`;
  return {
    calls: [{ id, name: "run", input: { command } }],
    results: [{ callId: id, content, isError }],
  };
};
const RED = "exit code 1\nnot ok 1 - adds\n  expected 3, was -1\n# duration_ms 12.5";
const WRITTEN = did("write", "written");
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
      "after a command that fails with the same error three times, with other things done in between",
      [
        did("npm test", RED),
        WRITTEN,
        did("cd app && npm test -- a.test.js", RED.replace("12.5", "7.25")),
        did("cat a.js", "exit code 0\nlet a;"),
        did("CI=1 npm test", RED),
      ],
      /same error 3/,
    ],
    [
      "after a command that runs into its time limit three times",
      ["a", "b", "c"].map((name) => did(`node ${name}.js`, "exit code none (SIGKILL) (timed out)\nwaiting")),
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
    [
      "while a command fails with another error each time",
      [1, 2, 3].map((n) => did("npm test", `exit code 1\nexpected 3, was ${n}`)),
    ],
    ["while other commands fail alike", ["npm", "node", "tsc"].map((name) => did(name, RED))],
    ["while commands fail without a word", [1, 2, 3].map((n) => did(`grep -q a${n} a.js`, "exit code 1\n"))],
    [
      "when its command is green in the end",
      [...[1, 2, 3].map((n) => did(`npm test -- ${n}`, RED)), did("npm test", "exit code 0\nok 1")],
    ],
    ["while errors differ", [1, 2, 3].map((n) => did("x", `error ${n}`, true))],
  ])("%s", (_name, turns) => expect(stuckReason(turns)).toBeNull());
});
