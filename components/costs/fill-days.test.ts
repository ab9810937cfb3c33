import { describe, expect, it } from "vitest";
import { fillDays, firstOf } from "./fill-days";

describe("days of a chart", () => {
  it("are all there, over the end of a month and a leap day", () => {
    const days = fillDays("2028-02-27", "2028-03-02", [
      { key: "2028-02-29", cost_usd: 2 },
      { key: null, cost_usd: 9 },
    ]);
    expect(days).toEqual([
      { day: "2028-02-27", usd: 0 },
      { day: "2028-02-28", usd: 0 },
      { day: "2028-02-29", usd: 2 },
      { day: "2028-03-01", usd: 0 },
      { day: "2028-03-02", usd: 0 },
    ]);
    expect(fillDays("2026-01-02", "2026-01-01", [])).toEqual([]);
  });

  it("begin so many days before today", () => {
    expect(firstOf(1, Date.parse("2026-11-21T23:59:00Z"))).toBe("2026-11-21");
    expect(firstOf(7, Date.parse("2026-11-21T00:00:00Z"))).toBe("2026-11-15");
  });
});
