import { describe, expect, test } from "vitest";
import { type CandidateFigures, chooseCandidate } from "./choose-candidate";

const figures = (n: number, more: Partial<CandidateFigures> = {}): CandidateFigures => ({
  job_id: `JOB-20260101000000-AAAA-CAND-${n}`,
  n,
  status: "completed",
  error: null,
  tests: { passed: 5, failed: 0 },
  held_back: { passed: 8, failed: 0 },
  lint: 0,
  diff: { files: 2, added: 100, removed: 0 },
  cost_usd: 0.5,
  turns: 9,
  duration_seconds: 60,
  ...more,
});
const lines = (added: number, removed = 0) => ({ diff: { files: 1, added, removed } });
const held = (passed: number, failed = 0) => ({ held_back: { passed, failed } });

describe("of two candidates", () => {
  test.each<[string, Partial<CandidateFigures>, Partial<CandidateFigures>, number, RegExp]>([
    [
      "more held-back tests win over everything else",
      { ...held(7, 1), ...lines(1), cost_usd: 0 },
      { lint: 9 },
      2,
      /held back \(8, the next 7\)/,
    ],
    [
      "fewer lint problems win over a smaller diff",
      { lint: 2, ...lines(1) },
      { lint: 1 },
      2,
      /lint problems \(1, the next 2\)/,
    ],
    [
      "fewer changed lines win over a lower price",
      { cost_usd: 0.1 },
      lines(60, 39),
      2,
      /fewer lines \(99, the next 100\)/,
    ],
    ["removed lines count like added ones", lines(50, 50), lines(99), 2, /fewer lines \(99, the next 100\)/],
    [
      "the cheaper wins of equal work",
      { cost_usd: 0.51 },
      { cost_usd: 0.5 },
      2,
      /cost less \(\$0.5, the next \$0.51\)/,
    ],
    ["the lower number wins of equals", {}, {}, 1, /came first/],
    [
      "the number of tests of its own decides nothing",
      { tests: { passed: 1, failed: 0 } },
      {},
      1,
      /came first/,
    ],
    [
      "what did not come to its end loses with the best figures",
      { status: "failed" },
      { ...held(0, 8), lint: 9 },
      2,
      /only one/,
    ],
    ["a cancelled one is none", { status: "cancelled" }, held(1, 7), 2, /only one/],
    [
      "where no tests were held back the rest decides",
      { held_back: null, lint: 1 },
      { held_back: null },
      2,
      /lint/,
    ],
    [
      "one that passed held-back tests beats one without any",
      { held_back: null },
      held(1, 7),
      2,
      /held back \(1, the next 0\)/,
    ],
  ])("%s", (_, first, second, chosen, why) => {
    const both = [figures(1, first), figures(2, second)];
    const choice = chooseCandidate(both);
    expect(choice.chosen).toBe(chosen);
    expect(choice.why).toMatch(why);
    expect(choice.why).toMatch(new RegExp(`^Candidate ${chosen} .*\\.$`));
    expect(chooseCandidate(both.toReversed())).toEqual(choice);
  });
});

test("each of many has its own reason, and any order gives the same choice", () => {
  const all = [
    figures(1, { ...held(6, 2) }),
    figures(2, { cost_usd: 0.4 }),
    figures(3, lines(101)),
    figures(4, {
      status: "failed",
      error: "Task 1 is still red after 5 fixes: adds. The last commit is kept.",
    }),
    figures(5, { cost_usd: 0.4 }),
    figures(6, { lint: 3 }),
  ];
  const choice = chooseCandidate(all);
  expect(choice.chosen).toBe(2);
  expect(choice.reasons).toEqual({
    1: "passes fewer of the tests that were held back (6, the best 8)",
    2: "came first of those that are equal in everything",
    3: "changes more lines (101, the best 100)",
    4: "failed: Task 1 is still red after 5 fixes: adds. The last commit is kept",
    5: "is equal to candidate 2, which has the lower number",
    6: "has more lint problems (3, the best 0)",
  });
  for (let turn = 0; turn < all.length; turn++) {
    all.push(all.shift() as CandidateFigures);
    expect(chooseCandidate(all)).toEqual(choice);
  }
});

test("none is taken when none is green, and the sentence says what became of each", () => {
  const choice = chooseCandidate([
    figures(1, { status: "failed", error: "Out of fixes." }),
    figures(2, { status: "cancelled" }),
  ]);
  expect(choice.chosen).toBeNull();
  expect(choice.why).toBe(
    "None of 2 candidates came to a green end: candidate 1 failed: Out of fixes; candidate 2 is cancelled. What each has committed is kept.",
  );
  expect(chooseCandidate([]).chosen).toBeNull();
});
