import { expect, it } from "vitest";
import { readTask } from "./task-file";

const HEAD = "title: One thing\nkind: change\nstack: node\n\nWhat it is.\n\nAnd more.\n\n";
const read = (text: string) => readTask("one", text);

it("reads the head, the description and every part", () => {
  const task = read(
    `${HEAD}==== base a.js\none\n\n==== base b.js\n\n==== edit a.js\non\n---- becomes\nno\n\n==== tests t.js\nx\n` +
      "==== hidden h.js\n=== no section\n\n==== slip a.js\nno\n---- becomes\nnot\n",
  );
  expect(task).toEqual({
    name: "one",
    kind: "change",
    stack: "node",
    title: "One thing",
    description: "What it is.\n\nAnd more.",
    base: [
      { file: "a.js", content: "one\n" },
      { file: "b.js", content: "\n" },
    ],
    reference: [],
    edits: [{ file: "a.js", find: "on", replace: "no" }],
    tests: [{ file: "t.js", content: "x\n" }],
    hidden: [{ file: "h.js", content: "=== no section\n" }],
    slips: [{ file: "a.js", find: "no", replace: "not" }],
  });
});

it.each([
  ["title: x\nkind: else\nstack: node\n\n", "kind"],
  ["title: x\nkind: build\nstack: perl\n\n", "stack"],
  ["kind: build\nstack: node\n\n", "title"],
  ["a line\n\n", '"a line" is no line of a head'],
  [`${HEAD}==== other a.js\n`, 'no part "other"'],
  [`${HEAD}==== base\nx\n`, "begins no section"],
  [`${HEAD}==== edit a.js\nx\n`, 'needs one line "---- becomes"'],
  [`${HEAD}==== slip a.js\nx\n---- becomes\ny\n---- becomes\nz\n`, 'needs one line "---- becomes"'],
])("refuses %j", (text, why) => {
  expect(() => read(text)).toThrow("The task one cannot be read");
  expect(() => read(text)).toThrow(why);
});
