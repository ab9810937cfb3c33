import { describe, expect, test } from "vitest";
import { parseStrictJson } from "./strict-json";

describe("parseStrictJson", () => {
  test.each([
    ['{"a":[1,{"b":"c"}],"d":null}'],
    ['{"text":"a \\" quote, {braces}, [brackets]: and \\\\"}'],
    ['{"a":{"x":1},"b":{"x":2},"c":[{"x":1},{"x":2}]}'],
    ['"a: b"'],
    ["[]"],
    [' { "a" : "b" , "c" : [ ] } '],
    ['{"":1}'],
    ['{"a\\\\":1,"a\\"":2}'],
  ])("reads %s as JSON.parse does", (text) => {
    expect(parseStrictJson(text)).toEqual(JSON.parse(text));
  });

  test.each([
    ["", "not valid JSON"],
    ["{", "not valid JSON"],
    ['{"a":1,}', "not valid JSON"],
    ['{"a":"unfinished', "not valid JSON"],
    ["NaN", "not valid JSON"],
    ['{"a":1,"a":1}', "twice"],
    ['{"x":{"a":1,"b":{},"a":2}}', "twice"],
    ['[{"a":1},{"a":1,"\\u0061":2}]', "twice"],
    ['{"a":{"__proto__":1}}', "__proto__"],
    [`${"[".repeat(65)}${"]".repeat(65)}`, "nested deeper"],
    ["[".repeat(1_000_000), "nested deeper"],
    [`{"a":${'{"a":'.repeat(100)}1${"}".repeat(101)}`, "nested deeper"],
  ])("refuses %.40s", (text, why) => {
    expect(() => parseStrictJson(text)).toThrow(why);
  });

  test("brackets inside strings are not depth", () => {
    expect(parseStrictJson(JSON.stringify("[".repeat(1000)))).toHaveLength(1000);
  });

  test("a text of many quotes and backslashes takes no long time", () => {
    expect(parseStrictJson(JSON.stringify('\\"'.repeat(200_000)))).toHaveLength(400_000);
  });
});
