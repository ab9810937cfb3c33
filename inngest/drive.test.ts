import { describe, expect, test } from "vitest";
import { laterMs } from "./drive";

describe("a step that asks to be looked at later", () => {
  test("is, as soon as it asked, for the first few times", () => {
    expect([0, 1, 2, 3, 4].map((round) => laterMs(5_000, round))).toEqual(Array(5).fill(5_000));
    expect(laterMs(120_000, 30)).toBe(120_000);
  });

  test.each([200, 5_000])(
    "every %d ms takes few engine steps for ten minutes, and never sleeps long",
    (ms) => {
      let waited = 0;
      let rounds = 0;
      for (; waited < 660_000; rounds++) waited += laterMs(ms, rounds);
      expect(rounds).toBeLessThan(30);
      expect(laterMs(ms, 1_000)).toBe(60_000);
    },
  );
});
