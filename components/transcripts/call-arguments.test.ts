import { describe, expect, test } from "vitest";
import { argumentsOf, callSubject } from "./call-arguments";

describe("what a call is about", () => {
  test.each([
    [{ command: "npm test" }, "npm test"],
    [{ path: "a.js", content: "…" }, "a.js"],
    [{ pattern: "cart", path: "src" }, "src"],
    [{ command: "cd a\nls" }, "cd a …"],
    [{ command: "", path: 7 }, ""],
    ["text", "text"],
    [null, ""],
    [undefined, ""],
    [[1], ""],
  ])("%j", (input, subject) => expect(callSubject(input)).toBe(subject));

  test("is one line of bounded length, whole characters only", () => {
    const subject = callSubject({ command: `${"x".repeat(199)}😀${"y".repeat(500)}` });
    expect(subject.length).toBeLessThanOrEqual(202);
    expect(subject.isWellFormed()).toBe(true);
  });
});

describe("arguments", () => {
  test("short ones stand on a line, others in blocks, each as it is", () => {
    const { short, long } = argumentsOf({
      path: "a.js",
      content: "a\nb\n",
      start: 3,
      files: ["x"],
      on: true,
    });
    expect(short).toEqual([
      ["path", "a.js"],
      ["start", "3"],
      ["on", "true"],
    ]);
    expect(long).toEqual([
      ["content", "a\nb\n"],
      ["files", '[\n  "x"\n]'],
    ]);
  });

  test("that are no object are shown, too", () => {
    expect(argumentsOf("words")).toEqual({ short: [["input", "words"]], long: [] });
    expect(argumentsOf(["a"]).long).toHaveLength(1);
    expect(argumentsOf(null)).toEqual({ short: [], long: [] });
  });
});
