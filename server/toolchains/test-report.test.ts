import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { RunOutput } from "./port";
import { parseCollectedReport, parseTestReport } from "./test-report";

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8");
const output = (report: string | null, exitCode: number | null = 0, stderr = ""): RunOutput => ({
  exitCode,
  stdout: "",
  stderr,
  report,
});
const parse = (report: string | null, exitCode?: number | null, stderr?: string) =>
  parseTestReport("tests", output(report, exitCode, stderr));

const HEAD = '{"v":1,"tool":"node 20"}\n';
const END = '{"end":true}\n';
const result = (fields: Record<string, unknown> = {}) =>
  `${JSON.stringify({ result: { id: "a::b", outcome: "passed", ms: 1, message: "", ...fields } })}\n`;

describe("recorded runs", () => {
  it("reads Node's runner", () => {
    const report = parse(fixture("node-test-run.jsonl"), 1);
    expect(report).toMatchObject({ unreadable: null, tool: expect.stringMatching(/^node:test 20/) });
    const outcomes = Object.fromEntries(report.tests.map((test) => [test.id, test.outcome]));
    expect(outcomes["tests/a.test.js::top::sub ok"]).toBe("passed");
    expect(outcomes["tests/a.test.js::suite::deep::bad"]).toBe("failed");
    expect(outcomes["tests/a.test.js::suite::later"]).toBe("skipped");
    expect(outcomes["tests/a.test.js::hook"]).toBe("failed");
    expect(outcomes["tests/crash.test.js"]).toBe("error");
    const crash = report.tests.find((test) => test.id === "tests/crash.test.js");
    expect(crash?.message).toContain("boom at import");
  });

  it("reads vitest and jest in one report", () => {
    const report = parse(fixture("vitest-jest-run.jsonl"), 1);
    expect(report.unreadable).toBeNull();
    expect(report.tool).toMatch(/^vitest 4.*, jest 30/);
    expect(report.tests.filter((test) => test.outcome === "failed").map((test) => test.id)).toEqual([
      "vt/tests/v.test.ts::add::row 2",
      "jest/tests/a.test.js::add::row 3 4",
    ]);
  });

  it("reads pytest", () => {
    const report = parse(fixture("pytest-run.jsonl"), 1);
    expect(report.unreadable).toBeNull();
    expect(report.tests.map((test) => `${test.id} ${test.outcome}`)).toEqual([
      "test_a.py::test_ok passed",
      "test_a.py::test_n[1] passed",
      "test_a.py::test_n[2] failed",
    ]);
    expect(report.tests[2]?.message).toContain("assert 2 == 1");
    const listed = parseCollectedReport("tests", output(fixture("pytest-collect.jsonl")));
    expect(listed).toEqual({ ids: report.tests.map((test) => test.id), unreadable: null });
  });
});

describe("reports that must not count as a pass", () => {
  const cases: [string, string | null, number | null, string][] = [
    ["none", null, 0, "no report"],
    ["an empty one", "", 0, "no report"],
    ["console text", "ok 1 - all passed\n", 0, "line 1 cannot be read"],
    ["no first line", result() + END, 0, "without its first line"],
    ["a cut line", `${HEAD}${result().slice(0, 20)}`, 0, "line 2 cannot be read"],
    ["no closing line", HEAD + result(), 0, "cut off"],
    ["a test that never ended", `${HEAD}${result()}{"start":"a::slow"}\n`, null, "while a::slow was running"],
    ["no tests", HEAD + END, 0, "ran no test"],
    ["lines after the end", HEAD + END + result(), 0, "after the end"],
    ["an exit code against it", HEAD + result() + END, 1, "contradicts"],
    ["a failure with exit code 0", HEAD + result({ outcome: "failed" }) + END, 0, "contradicts"],
    ["a killed run", HEAD + result() + END, null, "contradicts"],
    ["an unknown outcome", HEAD + result({ outcome: "PASSED" }) + END, 0, "line 2"],
    ["a number as id", HEAD + result({ id: 7 }) + END, 0, "line 2"],
    ["an endless id", HEAD + result({ id: "x".repeat(3000) }) + END, 0, "line 2"],
    ["a negative duration", HEAD + result({ ms: -1 }) + END, 0, "line 2"],
    ["null", "null\n", 0, "line 1"],
    ["an array", "[]\n", 0, "line 1"],
    ["deep nesting", `${"[".repeat(100_000)}\n`, 0, "line 1"],
    ["another version", `{"v":2,"tool":"x"}\n${result()}${END}`, 0, "without its first line"],
    ["a reason", `${HEAD}{"error":"pytest is not installed"}\n${END}`, 1, "pytest is not installed"],
    ["too many tests", HEAD + result().repeat(20_001) + END, 0, "more than 20000"],
    ["too many characters", "x".repeat(17 * 1024 * 1024), 0, "too long"],
  ];
  it.each(cases)("%s", (_name, report, exitCode, reason) => {
    expect(parse(report, exitCode).unreadable).toContain(reason);
  });

  it("tells what was printed last", () => {
    expect(parse(null, 127, "python3: not found").unreadable).toContain("python3: not found");
  });
});

it("cuts long failure texts", () => {
  const report = parse(HEAD + result({ outcome: "failed", message: "x".repeat(9000) }) + END, 1);
  expect(report.tests[0]?.message).toHaveLength(4000);
});

describe("listings", () => {
  const collected = (report: string | null, exitCode: number | null = 0) =>
    parseCollectedReport("tests", output(report, exitCode));

  it("gives each id once", () => {
    expect(collected(`${HEAD}{"test":"a::b"}\n{"test":"a::b"}\n{"test":"a::c"}\n${END}`).ids).toEqual([
      "a::b",
      "a::c",
    ]);
  });

  it.each([
    ["none", null, "no list"],
    ["cut off", `${HEAD}{"test":"a"}\n`, "cut off"],
    [
      "a file that cannot be read",
      `${HEAD}{"error":"a.py cannot be imported"}\n${END}`,
      "a.py cannot be imported",
    ],
  ])("%s is unreadable", (_name, report, reason) => {
    expect(collected(report)).toMatchObject({ ids: [], unreadable: expect.stringContaining(reason) });
  });
});
