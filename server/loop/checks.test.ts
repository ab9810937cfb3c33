import { describe, expect, it } from "vitest";
import type { TestReport } from "../toolchains/port";
import { lostTests, NO_FAULTS, readTests, type Suite } from "./checks";

const report = (outcomes: Record<string, "passed" | "failed" | "skipped">): TestReport => ({
  tool: "tests",
  tests: Object.entries(outcomes).map(([id, outcome]) => ({ id, outcome, durationMs: 0, message: "" })),
  unreadable: null,
});
const before = new Set(["a.py::T::one", "a.py::T::two", "b.py::T::three"]);
const lost = (outcomes: Parameters<typeof report>[0]) => lostTests(before, [report(outcomes)]);

describe("tests of the base", () => {
  it.each([
    ["all there", { "a.py::T::one": "passed", "a.py::T::two": "failed", "b.py::T::three": "passed" }],
    ["renamed", { "a.py::T::first": "passed", "a.py::T::two": "passed", "b.py::T::three": "passed" }],
    ["moved", { "c.py::T::one": "passed", "c.py::T::two": "passed", "b.py::T::three": "passed" }],
  ] as const)("%s", (_, outcomes) => {
    expect(lost(outcomes)).toEqual([]);
  });

  it.each([
    ["taken away", { "a.py::T::one": "passed", "b.py::T::three": "passed" }],
    ["skipped", { "a.py::T::one": "passed", "a.py::T::two": "skipped", "b.py::T::three": "passed" }],
    [
      "made up for elsewhere",
      { "a.py::T::one": "passed", "b.py::T::three": "passed", "c.py::T::x": "passed" },
    ],
  ] as const)("%s are missed", (_, outcomes) => {
    expect(lost(outcomes)).toEqual(["a.py::T::two"]);
  });

  it("that are missed make a check red", () => {
    const suite = { parse: () => report({ "a.py::T::one": "passed", "b.py::T::three": "passed" }) };
    const output = { exitCode: 0, stdout: "", stderr: "", report: "" };
    const { passed, summary } = readTests([suite as unknown as Suite], [output], {
      ...NO_FAULTS,
      passed: before,
    });
    expect(passed).toBe(false);
    expect(summary).toContain("1 of the base are not run any more");
  });
});
