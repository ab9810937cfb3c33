import { describe, expect, it } from "vitest";
import { LONGEST_LINE, outputLines } from "./output-lines";

describe("outputLines", () => {
  it("joins a line that was cut, also when the other stream came between", () => {
    const lines = outputLines([
      { stream: "stdout", text: "one\ntw" },
      { stream: "stderr", text: "oops\n" },
      { stream: "stdout", text: "o\nthree" },
    ]);
    expect(lines).toEqual([
      { stream: "stdout", text: "one" },
      { stream: "stderr", text: "oops" },
      { stream: "stdout", text: "two" },
      { stream: "stdout", text: "three" },
    ]);
  });

  it("cuts a line that nobody can read", () => {
    const [line] = outputLines([{ stream: "stdout", text: "x".repeat(1_000_000) }]);
    expect(line?.text.length).toBeLessThan(LONGEST_LINE + 40);
    expect(line?.text).toContain("996,000 more characters");
  });
});
