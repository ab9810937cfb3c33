import { expect, it } from "vitest";
import { backoffMs, retryAfterMs, unreachableMs } from "./backoff";
import { parseDuration, parseMoment } from "./duration";

it("climbs the ladder, scaled and with jitter", () => {
  expect([0, 1, 2, 3, 4].map((attempt) => backoffMs(attempt, 1, 0))).toEqual([
    15e3, 30e3, 60e3, 120e3, 300e3,
  ]);
  expect(backoffMs(99, 1, 0)).toBe(7_200_000);
  expect(backoffMs(0, 0.01, 1)).toBe(165);
});

it("asks an app that is away ever less often, but at least every five seconds", () => {
  expect([0, 1, 2, 50].map(unreachableMs)).toEqual([200, 400, 800, 5000]);
});

it("reads Retry-After as seconds or a date", () => {
  expect(retryAfterMs("2", 0)).toBe(2000);
  expect(retryAfterMs(new Date(5000).toISOString(), 1000)).toBe(4000);
  expect(retryAfterMs(new Date(5000).toISOString(), 9000)).toBe(0);
  expect(retryAfterMs(undefined, 0)).toBeUndefined();
  expect(retryAfterMs("soon", 0)).toBeUndefined();
});

it("reads the SDK's durations and dates", () => {
  expect(parseDuration("1w2d3h4m5s")).toBe(((9 * 24 + 3) * 60 + 4) * 60_000 + 5000);
  expect(parseDuration("")).toBe(0);
  expect(parseDuration("5 minutes")).toBeUndefined();
  expect(parseMoment("1m", 1000)).toBe(61_000);
  expect(parseMoment("2026-01-01T00:00:00.000Z", 0)).toBe(Date.UTC(2026, 0, 1));
  expect(parseMoment("tomorrow", 0)).toBeUndefined();
});
