import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseLintReport } from "./lint-report";

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8");
const parse = (report: string | null, exitCode: number | null) =>
  parseLintReport("lint", { exitCode, stdout: "", stderr: "", report });

describe("recorded reports", () => {
  it("reads eslint", () => {
    expect(parse(fixture("eslint.json"), 1)).toMatchObject({
      tool: expect.stringMatching(/^eslint 10/),
      problems: [{ file: "f1.js", line: 3, column: 9, rule: "no-unused-vars", severity: "error" }],
      unreadable: null,
    });
  });

  it("reads ruff", () => {
    const report = parse(fixture("ruff.json"), 1);
    expect(report.unreadable).toBeNull();
    expect(report.problems.map(({ file, rule }) => `${file} ${rule}`)).toEqual([
      "app/core.py invalid-syntax",
      "app/main.py I001",
      "app/main.py F401",
    ]);
  });
});

describe("reports that must not count as clean", () => {
  const clean = { v: 1, tool: "x", files: 1, problems: [], error: null };
  const problem = { file: "a", line: 1, column: 1, rule: "r", message: "m", severity: "error" };
  const cases: [string, string | null, number | null][] = [
    ["none", null, 0],
    ["no JSON", "All checks passed!", 0],
    ["null", "null", 0],
    ["deep nesting", "[".repeat(100_000), 0],
    ["another version", JSON.stringify({ ...clean, v: 2 }), 0],
    ["an error", JSON.stringify({ ...clean, error: "settings" }), 2],
    ["a failing exit code", JSON.stringify(clean), 1],
    ["a killed run", JSON.stringify(clean), null],
    ["errors with exit code 0", JSON.stringify({ ...clean, problems: [problem] }), 0],
    ["wrong types", JSON.stringify({ ...clean, problems: [{ ...problem, line: "1" }] }), 1],
    ["too many problems", JSON.stringify({ ...clean, problems: Array(5001).fill(problem) }), 1],
    ["too many characters", " ".repeat(17 * 1024 * 1024), 0],
  ];
  it.each(cases)("%s", (_name, report, exitCode) => {
    expect(parse(report, exitCode).unreadable).toBeTruthy();
  });

  it("takes warnings alone for clean", () => {
    const report = parse(JSON.stringify({ ...clean, problems: [{ ...problem, severity: "warning" }] }), 0);
    expect(report).toMatchObject({ unreadable: null, problems: [{ severity: "warning" }] });
  });
});
