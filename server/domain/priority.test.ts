import { describe, expect, test } from "vitest";
import { HEAD_RANK, PRIORITIES, type Priority, priorityInput, rankOf } from "./priority";

const T0 = new Date("2026-01-01T00:00:00Z");
const hoursLater = (hours: number) => new Date(T0.getTime() + hours * 3_600_000);

describe("rank", () => {
  test("puts the higher priority first among jobs of one moment", () => {
    const ranks = PRIORITIES.map((priority) => rankOf(priority, T0));
    expect([...ranks].sort((a, b) => (a < b ? -1 : 1))).toEqual(ranks);
    expect(new Set(ranks).size).toBe(4);
  });

  test("puts the older one first within a priority", () => {
    for (const priority of PRIORITIES)
      expect(rankOf(priority, T0)).toBeLessThan(rankOf(priority, hoursLater(0.001)));
  });

  test("raises by waiting: a job overtakes newer ones of the next priority after 8 hours, not before", () => {
    expect(rankOf("medium", T0)).toBeGreaterThan(rankOf("high", hoursLater(7.9)));
    expect(rankOf("medium", T0)).toBeLessThan(rankOf("high", hoursLater(8.1)));
    expect(rankOf("low", T0)).toBeLessThan(rankOf("medium", hoursLater(8.1)));
    expect(rankOf("high", T0)).toBeGreaterThan(rankOf("critical", hoursLater(23.9)));
  });

  test("comes after the head of the queue, whatever the priority", () => {
    for (const priority of PRIORITIES)
      expect(rankOf(priority, new Date(0))).toBeGreaterThanOrEqual(HEAD_RANK);
    expect(rankOf("critical", T0)).toBeGreaterThan(HEAD_RANK);
  });
});

describe("a priority as people send it", () => {
  test.each([
    ["critical", "critical"],
    ["low", "low"],
    [1, "critical"],
    [2, "high"],
    [3, "medium"],
    [4, "low"],
    [5, "low"],
  ] as [unknown, Priority][])("%j is %s", (given, wanted) => expect(priorityInput.parse(given)).toBe(wanted));

  test.each(["urgent", "", "1", 0, 6, -1, 1.5, Number.NaN, null, undefined, {}, ["low"], "constructor"])(
    "%j is refused",
    (given) => expect(priorityInput.safeParse(given).success).toBe(false),
  );
});
