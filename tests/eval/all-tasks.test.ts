// The set as a whole, without running anything: what runs it is check-tasks.ts.
import { describe, expect, it } from "vitest";
import { ALL_TASKS, tasksNamed } from "./all-tasks";
import { formProblem } from "./check-own";
import { mixed } from "./run-tasks";
import { isPackage, kindOf, type OwnTask, solutionOf, withEdits } from "./task";

const own = ALL_TASKS.filter((task): task is OwnTask => !isPackage(task));
const countBy = <T>(of: (task: (typeof ALL_TASKS)[number]) => T, value: T) =>
  ALL_TASKS.filter((task) => of(task) === value).length;

describe("the set", () => {
  it("has at least 30 tasks, of both stacks and kinds", () => {
    expect(ALL_TASKS.length).toBeGreaterThanOrEqual(30);
    for (const stack of ["python", "node"] as const)
      expect(countBy((task) => task.stack, stack)).toBeGreaterThanOrEqual(15);
    for (const kind of ["build", "change"] as const) expect(countBy(kindOf, kind)).toBeGreaterThanOrEqual(12);
  });

  it("has names that are unique, and titles by which a question can be told from all others", () => {
    const names = ALL_TASKS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const titles = ALL_TASKS.map(({ title }) => JSON.stringify(title));
    for (const one of titles) expect(titles.filter((other) => other.includes(one))).toEqual([one]);
  });

  it("begins with every stack and kind", () => {
    const first = mixed(ALL_TASKS).slice(0, 4);
    expect(new Set(first.map((task) => `${kindOf(task)} ${task.stack}`)).size).toBe(4);
    expect(mixed(ALL_TASKS)).toHaveLength(ALL_TASKS.length);
  });

  it("gives tasks by name and names those that there are", () => {
    expect(tasksNamed(["roman-numerals", "bytes-decimals"]).map(({ name }) => name)).toEqual([
      "roman-numerals",
      "bytes-decimals",
    ]);
    expect(() => tasksNamed(["none"])).toThrow(/no task none.*roman-numerals/s);
  });
});

describe.each(own.map((task) => [task.name, task] as const))("%s", (_name, task) => {
  it("is complete", () => {
    expect(formProblem(task)).toBeNull();
    expect(task.description.length).toBeGreaterThan(200);
  });

  it("has a slip that is no solution and fits into it", () => {
    const solution = solutionOf(task);
    expect(withEdits(solution, task.slips)).not.toEqual(solution);
    expect(solution).not.toEqual(task.base);
  });

  it("tells nobody of its hidden tests", () => {
    const shown = [task.description, ...[...task.base, ...task.tests].map(({ content }) => content)].join();
    for (const { file } of task.hidden) expect(shown).not.toContain(file.split("/").at(-1));
  });
});
