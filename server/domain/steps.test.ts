import { describe, expect, test } from "vitest";
import { candidatesProgress, PROGRESS, STEPS, taskProgress } from "./steps";

describe("progress", () => {
  test("has the fixed points of the specification", () => {
    expect(PROGRESS).toEqual({ setup: 0.05, planned: 0.1, tasksDone: 0.75, validated: 0.9, delivered: 1 });
  });

  test.each([1, 2, 7, 60])("never falls along %d tasks and stays within their part of the bar", (of) => {
    const order = ["generate", "testgen", "lint", "test", "fix"] as const;
    let last: number = PROGRESS.planned;
    for (let n = 1; n <= of; n++)
      for (const step of order) {
        const now = taskProgress(n, of, step);
        expect(now).toBeGreaterThanOrEqual(last);
        last = now;
      }
    expect(taskProgress(1, of, "generate")).toBeCloseTo(PROGRESS.planned);
    expect(last).toBeLessThan(PROGRESS.tasksDone);
    expect(taskProgress(of + 1, of, "generate")).toBeCloseTo(PROGRESS.tasksDone);
  });

  test("does not divide by no tasks", () => expect(taskProgress(1, 0, "generate")).toBeCloseTo(0.1));

  test("of a job with candidates follows theirs, from the plan to the last task", () => {
    const at = (...all: number[]) => candidatesProgress(all.map((progress) => ({ progress, over: false })));
    expect(at(0, 0, 0)).toBe(PROGRESS.planned);
    expect(at(1, 1)).toBe(PROGRESS.tasksDone);
    expect(at(0.4, 0.2)).toBe(0.29);
    let last = 0;
    for (let step = 0; step <= 100; step++) {
      const now = at(step / 100, Math.max(0, step - 50) / 100);
      expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
  });

  test("of a candidate that is over counts in full, however far it came", () => {
    expect(candidatesProgress([{ progress: 0.3, over: true }])).toBe(PROGRESS.tasksDone);
    expect(candidatesProgress([])).toBe(PROGRESS.planned);
  });

  test("knows each step once", () => expect(new Set(STEPS).size).toBe(STEPS.length));
});
