import { describe, expect, test } from "vitest";
import { drive, laterMs, type Step } from "./drive";

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

test.each([
  ["asks to be looked at later", { s: "later", ms: 5_000 }, 5_000],
  ["is paused", { s: "paused" }, "5s"],
])(
  "a step that %s is looked at again when its job goes on, at the latest after a while",
  async (_, first, timeout) => {
    const outcomes = [first, { s: "done", v: { it: "is done" } }];
    const waits: unknown[] = [];
    // Only what a driven step may use; whatever else it asked for would not be there.
    const step = {
      run: async () => outcomes.shift(),
      waitForEvent: async (...wait: unknown[]) => void waits.push(wait),
    } as unknown as Step;
    const ref = { job: "JOB-1", run: 1 };
    expect(await drive(step, "turn", ref, async () => ({}))).toEqual({ it: "is done" });
    expect(waits).toEqual([
      [expect.stringMatching(/^turn:/), { event: "job/resumed", timeout, if: 'async.data.job == "JOB-1"' }],
    ]);
  },
);
