import { describe, expect, it } from "vitest";
import type { TestOutcome, TestReport } from "../toolchains/port";
import { heldFindings, heldResults, idsWithoutHeld, withoutHeld } from "./held-back-tests";

const HELD = new Set(["test/held.test.js", "test/helper.js"]);
const report = (
  tests: [id: string, outcome: TestOutcome][],
  unreadable: string | null = null,
): TestReport => ({
  tool: "node tests",
  tests: tests.map(([id, outcome]) => ({
    id,
    outcome,
    durationMs: 1,
    message: outcome === "passed" ? "" : "1 != 2\nat",
  })),
  unreadable,
});
const suite = (ids: string[], tests: TestReport, lists = true) => ({
  name: "node",
  lists,
  collected: { ids, unreadable: null },
  report: tests,
});
const A = "test/held.test.js::a";
const SEEN = "test/seen.test.js::s";

describe("held-back tests", () => {
  it("are counted by themselves", () => {
    const all = report([
      [A, "passed"],
      [SEEN, "failed"],
    ]);
    const stored = heldResults([suite([A, SEEN], all)], HELD);
    expect(stored).toMatchObject({ passed: 1, failed: 0 });
    expect(heldFindings(stored)).toEqual([]);
    expect(withoutHeld(all, HELD).tests.map(({ id }) => id)).toEqual([SEEN]);
    expect(idsWithoutHeld({ ids: [A, SEEN], unreadable: null }, HELD).ids).toEqual([SEEN]);
  });

  it.each([
    ["that fail", suite([A], report([[A, "failed"]])), "test/held.test.js::a (1 != 2)"],
    ["that were not reported", suite([A], report([[SEEN, "passed"]])), "a (it was not run)"],
    [
      "that were not collected",
      suite([SEEN], report([[SEEN, "passed"]])),
      "test/held.test.js (none of its tests",
    ],
    ["whose report cannot be read", suite([A], report([], "cut off")), "a (cut off)"],
    ["that are skipped", suite([A], report([[A, "skipped"]])), "none of them ran"],
  ])("%s are a finding", (_name, one, said) => {
    expect(heldFindings(heldResults([one], HELD))).toEqual([
      { criterion: "held-back tests", expected: "all to pass", observed: expect.stringContaining(said) },
    ]);
  });

  it("of a project with a command of its own pass or fail with the whole", () => {
    const shell = (outcome: TestOutcome) => suite([], report([["command", outcome]]), false);
    expect(heldResults([shell("passed")], HELD)).toMatchObject({ passed: 1, failed: 0 });
    expect(heldResults([shell("failed")], HELD)).toMatchObject({ passed: 0, failed: 1 });
    expect(heldResults([suite([], report([]), false)], HELD)).toMatchObject({ passed: 0, failed: 1 });
  });
});
