import { describe, expect, test } from "vitest";
import { z } from "zod";
import { readInput } from "./coerce-input";

const schema = z.object({
  summary: z.string().min(1).max(50),
  count: z.number().int().optional(),
  ready: z.boolean().optional(),
  files: z.array(z.string()).optional(),
  findings: z.array(z.object({ line: z.number(), what: z.string() })).optional(),
});

describe("a value of the wrong type", () => {
  test.each<[string, unknown, unknown]>([
    ["a number as text", { summary: "s", count: " 5 " }, { summary: "s", count: 5 }],
    ["a yes as text", { summary: "s", ready: "True" }, { summary: "s", ready: true }],
    ["a list as text", { summary: "s", files: '["a", "b",]' }, { summary: "s", files: ["a", "b"] }],
    ["one thing for a list", { summary: "s", files: "a.py" }, { summary: "s", files: ["a.py"] }],
    ["everything as text", '{"summary": "s"}', { summary: "s" }],
    [
      "numbers inside a list",
      { summary: "s", findings: [{ line: "3", what: "x" }] },
      { summary: "s", findings: [{ line: 3, what: "x" }] },
    ],
    ["nothing for what need not be there", { summary: "s", count: null, files: null }, { summary: "s" }],
  ])("%s is taken", (_what, input, value) => expect(readInput(schema, input)).toMatchObject({ value }));

  test.each<[string, unknown, RegExp]>([
    ["a number for text", { summary: 7 }, /summary: .*string/],
    ["a word for a number", { summary: "s", count: "many" }, /count: .*number/],
    ["part of a number", { summary: "s", count: "5 files" }, /count/],
    ["a list that was cut", { summary: "s", files: '["a", "b' }, /files: .*array/],
    ["an object for a list", { summary: "s", files: { a: 1 } }, /files/],
    ["nothing", null, /input/],
    ["prose", "All is done.", /input: .*object/],
    ["two things at once", { count: "x" }, /summary: .*; count: /],
    ["far too deep", nested(5_000), /summary/],
  ])("%s is refused with the reason", (_what, input, reason) => {
    const read = readInput(schema, input);
    expect(read).toHaveProperty("wrong");
    expect((read as { wrong: string }).wrong).toMatch(reason);
  });
});

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = { findings: [value] };
  return value;
}
