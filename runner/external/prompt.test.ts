import { expect, test } from "vitest";
import type { BriefAnswer } from "../protocol";
import { learningsOf } from "./agent-run";
import { promptFor } from "./prompt";

const BRIEF: BriefAnswer = {
  title: "Words",
  description: "",
  kind: "change",
  features: [],
  tech_stack: [],
  context: null,
  required_patterns: ["no classes"],
  required_tests: ["test/a.test.js"],
  files: [],
  spec_file: ".fabrica/SPEC.md",
  notes_folder: ".ai",
  iterations: 0,
  seconds_left: 100,
  model: null,
  learnings: "- gotcha: empty texts",
};

test("an agent is told where its plan and its notes lie, what must hold, and what went wrong", () => {
  const text = promptFor(BRIEF, { n: 3, problem: "Your files were not taken: a link" });
  const said = [
    "iteration 3",
    ".fabrica/SPEC.md",
    ".ai/progress.md",
    ".ai/stuck.md",
    "no classes",
    "test/a.test.js",
    "empty texts",
    "a link",
  ];
  for (const part of said) expect(text).toContain(part);
  const first = promptFor({ ...BRIEF, learnings: null, required_tests: [] }, { n: 1, problem: null });
  expect(first).not.toMatch(/learnings>|must exist|went wrong/);
});

test("notes of what was learned are read line by line", () => {
  const text =
    "# Learned\n\n- gotcha: one\n* **pattern**: two\n- three: has words of its own\nno item\n-\n- four\n";
  expect(learningsOf(text).map(({ kind, text: said }) => [kind, said])).toEqual([
    ["gotcha", "one"],
    ["pattern", "two"],
    ["three", "has words of its own"],
    ["", "four"],
  ]);
});
