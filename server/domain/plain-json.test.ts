import { describe, expect, test } from "vitest";
import { mapText, plainText } from "./plain-json";

describe("text that can be stored", () => {
  test.each([
    ["plain", "plain"],
    ["a\u0000b", "a␀b"],
    ["half \ud83d", "half \ufffd"],
    ["\ude00 other half", "\ufffd other half"],
    ["whole 😀", "whole 😀"],
    ["a written escape: \\u0000", "a written escape: \\u0000"],
  ])("%j becomes %j", (given, wanted) => expect(plainText(given)).toBe(wanted));
});

describe("every text of a value", () => {
  test("is changed wherever it is, names included, and nothing else", () => {
    const value = { a: ["x\u0000", 1, null, true], "b\u0000": { c: "\ud800" }, d: undefined };
    expect(mapText(value, plainText)).toEqual({ a: ["x␀", 1, null, true], "b␀": { c: "\ufffd" } });
  });

  test("leaves the given value as it was", () => {
    const value = { a: "x\u0000" };
    mapText(value, plainText);
    expect(value).toEqual({ a: "x\u0000" });
  });

  test("keeps a field called __proto__ a field", () => {
    const value = mapText(JSON.parse('{"__proto__": {"polluted": "yes"}}'), plainText);
    expect(Object.keys(value)).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test("does not follow a value that is nested without an end", () => {
    const deep = JSON.parse(`${"[".repeat(50_000)}${"]".repeat(50_000)}`);
    expect(JSON.stringify(mapText(deep, plainText)).length).toBeLessThan(500);
  });
});
