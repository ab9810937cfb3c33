import { expect, test } from "vitest";
import { LEARNING_KINDS } from "@/server/domain/learning-kinds";
import { KIND_LABEL, scoreOf, timesOf } from "./learning-look";

test("every kind has a name", () => {
  expect(Object.keys(KIND_LABEL).sort()).toEqual([...LEARNING_KINDS].sort());
});

test.each([
  [0, 0, "not told yet", "text-faint"],
  [3, 0.42, "score +0.42", "text-good"],
  [3, -0.5, "score −0.50", "text-bad"],
  [3, 0, "score 0.00", "text-muted"],
  [3, 0.1, "score +0.10", "text-muted"],
])("told %d times with a score of %d", (uses, score, text, ink) => {
  expect(scoreOf({ uses, score })).toEqual({ text, ink });
});

test("how often", () => {
  expect(timesOf(1, "told")).toBe("told once");
  expect(timesOf(1_200, "found")).toBe("found 1,200 times");
});
