import { describe, expect, test } from "vitest";
import { parseTasks } from "./checklist";
import { externalSpec, type SpecRequest } from "./external-spec";

const REQUEST: SpecRequest = {
  title: "Word counter",
  description: "Counts words.",
  features: ["count words", "count\nlines"],
  techStack: ["node"],
  requiredPatterns: ["no classes"],
  requiredTests: ["test/count.test.js"],
  declaredFiles: ["src/count.js"],
  context: null,
  spec: null,
};
const FRESH = { mend: null, kept: null };

describe("the SPEC.md of an external agent", () => {
  test("has a task for each feature, and what must hold", () => {
    const spec = externalSpec(REQUEST, FRESH);
    expect(parseTasks(spec)).toEqual([
      { title: "count words", done: false },
      { title: "count lines", done: false },
    ]);
    for (const said of ["# Word counter", "Counts words.", "node", "no classes", "test/count.test.js"])
      expect(spec).toContain(said);
  });

  test("is the title's one task without features", () => {
    expect(parseTasks(externalSpec({ ...REQUEST, features: [] }, FRESH))).toEqual([
      { title: "Word counter", done: false },
    ]);
  });

  test("is the given one; a checklist is added where it has none", () => {
    const given = "# Mine\n\n- [ ] this\n";
    expect(externalSpec({ ...REQUEST, spec: given }, FRESH)).toBe(given);
    const prose = externalSpec({ ...REQUEST, spec: "# Only words" }, FRESH);
    expect(prose).toContain("# Only words");
    expect(parseTasks(prose).map(({ title }) => title)).toEqual(["count words", "count lines"]);
  });

  test("goes on in a later run, with what was found as a task", () => {
    const kept = "# Mine\n\n- [x] this\n";
    const tasks = parseTasks(externalSpec(REQUEST, { mend: "tests: none", kept }));
    expect(tasks).toEqual([
      { title: "this", done: true },
      { title: "Mend: tests: none", done: false },
    ]);
    expect(parseTasks(externalSpec(REQUEST, { mend: null, kept })).filter(({ done }) => !done)).toHaveLength(
      1,
    );
  });
});
