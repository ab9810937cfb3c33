import { expect, it } from "vitest";
import type { EvalResult } from "./evaluate";
import { type Broken, failureLines, figuresOf, lineOf, reportOf, taskRows } from "./report";

const RESULT: EvalResult = {
  task: "one",
  stack: "python",
  kind: "build",
  job: "JOB-1",
  status: "completed",
  failure: null,
  refused: null,
  fixes: 0,
  firstRuns: 1,
  firstGreen: 1,
  costUsd: 0.5,
  turns: 10,
  minutes: 1,
};
const MENDED = {
  ...RESULT,
  task: "two",
  stack: "node" as const,
  fixes: 2,
  firstRuns: 3,
  firstGreen: 1,
  minutes: 4,
};
const WRONG = { ...RESULT, task: "three", failure: "failed: out_of_fixes", refused: "red", minutes: 3 };
const BROKEN: Broken = { task: "four", stack: "node", kind: "change", broken: "not fetched" };

it("counts what is resolved, at the first attempt, and what was green at once", () => {
  expect(figuresOf([RESULT, MENDED, WRONG, BROKEN])).toEqual({
    tasks: 4,
    resolved: 2,
    resolvedShare: 0.5,
    firstAttemptShare: 0.25,
    testsFirstShare: 3 / 5,
    costUsd: 1.5,
    costPerResolvedUsd: 0.75,
    turns: 30,
    minutesMedian: 3,
    minutesMax: 4,
    failures: { "failed: out_of_fixes": 1, "not tried or not judged": 1 },
  });
});

it("has no figures where nothing was", () => {
  expect(figuresOf([])).toMatchObject({
    resolvedShare: 0,
    testsFirstShare: null,
    costPerResolvedUsd: null,
    minutesMedian: null,
  });
  expect(figuresOf([BROKEN])).toMatchObject({ tasks: 1, resolvedShare: 0, minutesMax: null });
});

it("takes the middle of an even number", () => {
  expect(figuresOf([RESULT, MENDED]).minutesMedian).toBe(2.5);
});

it("says it for each stack and kind", () => {
  const { byStack, byKind } = reportOf([RESULT, MENDED, WRONG, BROKEN]);
  expect(Object.entries(byStack).map(([name, { tasks, resolved }]) => [name, tasks, resolved])).toEqual([
    ["node", 2, 1],
    ["python", 2, 1],
  ]);
  expect(byKind.change?.resolvedShare).toBe(0);
});

it("says in words how a task ended", () => {
  expect(lineOf(RESULT)).toBe("one: resolved (JOB-1, 60 s)");
  expect(lineOf(WRONG)).toContain("not resolved: failed: out_of_fixes: red");
  expect(lineOf(BROKEN)).toContain("not judged: not fetched");
  expect(taskRows([RESULT, BROKEN])).toEqual([
    expect.objectContaining({ resolved: "yes", "first green": "1/1", cost: "$0.5000" }),
    expect.objectContaining({ resolved: "no", why: "not fetched" }),
  ]);
  expect(failureLines(figuresOf([WRONG, WRONG, BROKEN]))).toEqual([
    "  2 × failed: out_of_fixes",
    "  1 × not tried or not judged",
  ]);
});
