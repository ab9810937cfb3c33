import { describe, expect, it } from "vitest";
import { failuresFirst, readReport } from "./check-report";

const passed = { id: "a.test.js::cart::adds", outcome: "passed", durationMs: 3, message: "" };
const failed = { id: "b.test.js::cart::pays", outcome: "failed", durationMs: 9, message: "expected 2" };

describe("readReport", () => {
  it("reads one report and several alike", () => {
    const one = { tool: "node:test", tests: [passed, failed], unreadable: null };
    expect(readReport(one)).toMatchObject({ tools: ["node:test"], tests: [passed, failed], remarks: [] });
    expect(readReport({ reports: [one, { tool: "pytest", tests: [passed] }] }).tests).toHaveLength(3);
  });

  it("reads problems and remarks", () => {
    const problem = { file: "a.py", line: 3, column: 1, rule: "F401", message: "unused", severity: "error" };
    const report = { python: { tool: "ruff", problems: [problem], unreadable: "no report" } };
    expect(readReport(report)).toEqual({
      tools: ["ruff"],
      tests: [],
      problems: [problem],
      remarks: ["no report"],
    });
  });

  it("reads findings", () => {
    const finding = { criterion: "lint", file: "a.py", line: 3, expected: "no problems", observed: "two" };
    expect(readReport({ findings: [finding, "said so"] }).remarks).toEqual([
      "lint: a.py:3: expected no problems, observed two",
      "said so",
    ]);
  });

  it("shows nothing for what it does not know", () => {
    const nothing = { tools: [], tests: [], problems: [], remarks: [] };
    for (const report of [null, 3, "text", [], {}, { tests: [null, 1, { outcome: "?" }] }]) {
      expect(readReport(report)).toEqual(nothing);
    }
  });
});

describe("failuresFirst", () => {
  it("puts failures before everything", () => {
    expect(failuresFirst(readReport({ tests: [passed, failed] }).tests).map((test) => test.outcome)).toEqual([
      "failed",
      "passed",
    ]);
  });
});
