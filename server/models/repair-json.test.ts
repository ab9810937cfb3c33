import { describe, expect, it } from "vitest";
import { readJson } from "./repair-json";

describe("JSON with a slip", () => {
  it.each<[string, string, unknown]>([
    ["a comma too many", '{"a": [1, 2, ], "b": {"c": 1,},}', { a: [1, 2], b: { c: 1 } }],
    ["a fence", '```json\n{"a": 1}\n```', { a: 1 }],
    ["a line break in a text", '{"a": "one\ntwo\tx\r\n"}', { a: "one\ntwo\tx\r\n" }],
    ["words of Python", '{"a": True, "b": [None, False]}', { a: true, b: [null, false] }],
    [
      "texts that look like slips",
      '{"a": "x,}", "b": "True, ]", "c": "```", }',
      { a: "x,}", b: "True, ]", c: "```" },
    ],
    ["none", '{"a": "\\u0041,]"}', { a: "A,]" }],
  ])("%s is read", (_what, text, value) => expect(readJson(text)).toEqual({ value }));

  it.each([
    ["cut in a text", '{"path": "a.txt", "content": "x'],
    ["cut in a list", '{"a": [1, 2'],
    ["cut behind a comma", '{"a": 1,'],
    ["no JSON", "I would rather not."],
    ["nothing", ""],
    ["two values", '{"a":1}{"a":2}'],
    ["quotes of another kind", "{'a': 1}"],
  ])("%s is not read", (_what, text) => expect(readJson(text)).toHaveProperty("wrong"));

  it("of a megabyte is looked through quickly", () => {
    expect(readJson(`${'{"a":"'.repeat(1)}${"\\\\".repeat(500_000)}`)).toHaveProperty("wrong");
    expect(readJson(",".repeat(1_000_000))).toHaveProperty("wrong");
  });
});
