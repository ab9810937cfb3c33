import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { countPlaywright, countVitest, failedPart, sum } from "./counts.mjs";

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "fabrica-counts-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function report(content: unknown): string {
  const file = join(dir, "report.json");
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

const vitest = (failed: number, files: unknown[] = []) =>
  report({
    numPassedTests: 5,
    numFailedTests: failed,
    numPendingTests: 1,
    numTodoTests: 1,
    testResults: files,
  });

it("sums up what the programs report", () => {
  expect(countVitest(vitest(0), 0)).toEqual({ passed: 5, failed: 0, skipped: 2 });
  const playwright = report({ stats: { expected: 3, unexpected: 1, flaky: 1, skipped: 0 }, errors: [] });
  expect(countPlaywright(playwright, 1)).toEqual({ passed: 3, failed: 2, skipped: 0 });
  expect(sum([failedPart(0), failedPart(1), countPlaywright(playwright, 1)])).toEqual({
    passed: 4,
    failed: 3,
    skipped: 0,
  });
});

it("counts a file that could not be loaded as one failure, and one with failed tests not twice", () => {
  const unloaded = { status: "failed", assertionResults: [] };
  const failing = { status: "failed", assertionResults: [{ status: "failed" }] };
  expect(countVitest(vitest(1, [unloaded, failing]), 1).failed).toBe(2);
});

it("never takes an unreadable report or a bad exit for success", () => {
  expect(countVitest(join(dir, "absent.json"), 0).failed).toBe(1);
  expect(countPlaywright(report("{"), 0).failed).toBe(1);
  expect(countVitest(vitest(0), 1).failed).toBe(1);
});
