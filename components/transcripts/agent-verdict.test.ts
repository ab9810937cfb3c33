import { describe, expect, test } from "vitest";
import { placeOf, verdictOf } from "./agent-verdict";

const finished = (role: string, result: unknown) => verdictOf({ status: "finished", role, result });

describe("how an agent run came out", () => {
  test.each([
    ["coder", { summary: "A cart." }, "done", "A cart."],
    ["fixer", { summary: "Fixed.", root_cause: "Text, not a number." }, "done", "Fixed."],
    ["planner", { spec: "# Shop\n\n- [ ] one\n  - [x] two\n- no box\n" }, "2 tasks", null],
    ["tester", { summary: "Tests.", test_files: ["a.test.js"] }, "1 test file", "Tests."],
    ["tester", { summary: "None needed.", test_files: [] }, "done", "None needed."],
    ["architect", { approaches: [{}, {}] }, "2 approaches", null],
    ["architect", { approaches: [{}] }, "1 approach", null],
    ["reviewer", { verdict: "approve", summary: "Fine." }, "approved", "Fine."],
    [
      "debugger",
      { root_cause: "A race.", recommendation: "test_is_wrong" },
      "advised: test is wrong",
      "A race.",
    ],
  ])("a %s that ended well", (role, result, text, summary) => {
    expect(finished(role, result)).toMatchObject({ text, summary, ink: "text-good" });
  });

  test("a reviewer that asks for changes and a debugger that gives up are no good end", () => {
    expect(finished("reviewer", { verdict: "request_changes", findings: [1, 2] })).toMatchObject({
      text: "asked for changes: 2 findings",
      ink: "text-warn",
    });
    expect(finished("debugger", { recommendation: "give_up" }).ink).toBe("text-warn");
  });

  test("one that works and one that failed", () => {
    expect(verdictOf({ status: "running", role: "coder", result: null }).text).toBe("at work");
    expect(
      verdictOf({ status: "failed", role: "coder", result: { failed: "the job was cancelled" } }),
    ).toMatchObject({
      text: "failed",
      summary: "the job was cancelled",
      ink: "text-bad",
    });
  });

  test("one that was stuck says why", () => {
    const stuck = { summary: "Half done.", stuck: "The coder is stuck: the same action 4 times." };
    expect(verdictOf({ status: "failed", role: "coder", result: stuck }).summary).toBe(stuck.stuck);
  });

  test.each([null, "words", 7, [], { summary: 7, verdict: null, findings: "x" }])(
    "a result like %j breaks nothing",
    (result) => {
      expect(finished("reviewer", result)).toMatchObject({ text: "done", summary: null });
    },
  );
});

test.each([
  ["task-12/fix-1", "fixer", "task 12 · fix-1"],
  ["task-1/coder", "coder", "task 1"],
  ["candidates/architect", "architect", "candidates"],
  ["plan/planner", "planner", "plan"],
  ["plan", "planner", "plan"],
  ["coder", "coder", ""],
])("%s of a %s worked on %j", (agent_run, role, place) => {
  expect(placeOf({ agent_run, role })).toBe(place);
});
