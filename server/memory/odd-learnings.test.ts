// What a hostile repository may write into .ai/new-learnings.md, and anybody into a file that is read in.
import { expect, test } from "vitest";
import { parseLearnings } from "./parse-learnings";

test.each([
  ["blanks", `${" ".repeat(7_990)}x`],
  ["blanks in a section", `# A\n${" ".repeat(7_990)}x`],
  ["an item of blanks and a line that ends in the middle", `- ${" ".repeat(7_980)}x\u2028y`],
  ["a mark before them", `- [gotcha]${" ".repeat(7_970)}x\u2029y`],
  ["tabs and dashes", `${"\t".repeat(4_000)}${"- ".repeat(1_900)}x`],
  ["a heading of them", `# ${" #".repeat(3_900)}x`],
  ["stars", `${"*".repeat(7_990)}x`],
  ["files", `files:${" ".repeat(7_980)}`],
])("lines of %s take no longer than others", (_name, line) => {
  // Minutes, where each blank is tried with each other one.
  for (let n = 0; n < 30; n++)
    expect(parseLearnings(`${line}\n`.repeat(32), 500).length).toBeLessThanOrEqual(500);
});
