import { describe, expect, it } from "vitest";
import type { CheckView } from "@/server/domain/outputs";
import { redBefore } from "./baseline";

const test = (id: string, outcome: string) => ({ id, outcome, durationMs: 1, message: "" });
const check = (key: string, tests: unknown[], kind: CheckView["kind"] = "test"): CheckView => ({
  key,
  kind,
  passed: false,
  at: "2026-01-01T00:00:00.000Z",
  report: { reports: [{ tool: "python tests", tests }] },
});

describe("redBefore", () => {
  it("names the red tests of the newest base, whatever ran since", () => {
    const checks = [
      check("baseline/aaa/test", [test("old", "failed")]),
      check("baseline/bbb/test", [test("red", "failed"), test("dead", "error"), test("green", "passed")]),
      check("baseline/bbb/lint", [], "lint"),
      check("task-1/0/test", [test("new", "failed")]),
    ];
    expect([...redBefore(checks)]).toEqual(["red", "dead"]);
  });

  it("is empty where no base was looked at", () => {
    expect(redBefore([check("task-1/0/test", [test("new", "failed")])]).size).toBe(0);
  });
});
