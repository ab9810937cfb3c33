import { describe, expect, test } from "vitest";
import { MIN_ANSWER_TOKENS, toMicro, toUsd } from "./money";

describe("money", () => {
  test.each([
    [0, 0n],
    [5, 5_000_000n],
    [0.1 + 0.2, 300_000n],
    [0.000001, 1n],
    [0.0000004, 0n],
    [10_000, 10_000_000_000n],
    [1.005, 1_005_000n],
  ])("%d dollars are %d micro-dollars", (usd, micro) => expect(toMicro(usd)).toBe(micro));

  test("comes back as it went in", () => {
    for (let micro = 0n; micro < 2_000_000n; micro += 7919n) expect(toMicro(toUsd(micro))).toBe(micro);
  });

  test("is never made of what is no number", () => {
    expect(() => toMicro(Number.NaN)).toThrow(RangeError);
    expect(() => toMicro(Number.POSITIVE_INFINITY)).toThrow(RangeError);
  });

  test("pauses below the specified 1,024 tokens", () => expect(MIN_ANSWER_TOKENS).toBe(1024));
});
