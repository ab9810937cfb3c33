import { describe, expect, it } from "vitest";
import { roundOf, teamCostsInput } from "./costs";

describe("the round of an agent run", () => {
  it.each([
    ["task-2/coder", 2, 0],
    ["task-2/coder-again", 2, 0],
    ["task-12/fix-3", 12, 3],
    ["task-12/fix-3-again", 12, 3],
    ["task-1/debugger", 1, 0],
    ["plan/planner", null, null],
    ["review/fix-1", null, null],
    [null, null, null],
  ])("%s", (key, task, round) => expect(roundOf(key)).toEqual({ task, round }));
});

describe("the days of a statement", () => {
  it("are real ones, in their order, a year at most", () => {
    const ok = (input: object) => teamCostsInput.safeParse(input).success;
    expect(ok({})).toBe(true);
    expect(ok({ from: "2028-02-29", to: "2028-02-29" })).toBe(true);
    expect(ok({ from: "2027-02-29", to: "2027-03-01" })).toBe(false);
    expect(ok({ from: "2026-01-02", to: "2026-01-01" })).toBe(false);
    expect(ok({ from: "2024-01-01", to: "2024-12-31" })).toBe(true);
    expect(ok({ from: "2024-01-01", to: "2025-01-01" })).toBe(false);
    expect(ok({ by: "team" })).toBe(false);
    expect(ok({ team_id: "1" })).toBe(false);
  });
});
