import { describe, expect, it } from "vitest";
import { CronError, nextCronTime, parseCron } from "./cron";

const next = (expression: string, after: string) =>
  new Date(nextCronTime(parseCron(expression), Date.parse(after))).toISOString();

describe("nextCronTime", () => {
  it.each([
    ["* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00.000Z"],
    ["*/15 * * * *", "2026-01-01T00:14:59Z", "2026-01-01T00:15:00.000Z"],
    ["0 12 * * *", "2026-01-01T12:00:00Z", "2026-01-02T12:00:00.000Z"],
    ["5,10-12/2 3 * * *", "2026-01-01T03:05:00Z", "2026-01-01T03:10:00.000Z"],
    ["0 0 1 JAN *", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00.000Z"],
    ["0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00.000Z"],
    ["30 4 * * mon-fri", "2026-01-03T00:00:00Z", "2026-01-05T04:30:00.000Z"],
    ["0 0 * * 7", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00.000Z"],
    ["0 0 13 * 5", "2026-02-01T00:00:00Z", "2026-02-06T00:00:00.000Z"],
    ["@daily", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00.000Z"],
    ["TZ=Europe/Paris 0 8 * * *", "2026-07-01T07:00:00Z", "2026-07-02T06:00:00.000Z"],
    ["TZ=Asia/Kathmandu 0 0 * * *", "2026-01-01T00:00:00Z", "2026-01-01T18:15:00.000Z"],
    // 02:30 does not exist in Paris on 29 March 2026, and exists twice on 25 October.
    ["TZ=Europe/Paris 30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00.000Z"],
    ["TZ=Europe/Paris 30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00.000Z"],
  ])("%s after %s", (expression, after, expected) => {
    expect(next(expression, after)).toBe(expected);
  });
});

describe("parseCron", () => {
  it.each([
    "",
    "* * * *",
    "* * * * * *",
    "60 * * * *",
    "5-1 * * * *",
    "*/0 * * * *",
    "x * * * *",
    "@every 5s",
    "TZ=Mars/Base * * * * *",
  ])("refuses %j", (expression) => {
    expect(() => parseCron(expression)).toThrow(CronError);
  });

  it("refuses what never comes", () => {
    expect(() => nextCronTime(parseCron("0 0 30 2 *"), 0)).toThrow(CronError);
  });
});
