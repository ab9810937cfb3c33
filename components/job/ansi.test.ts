import { describe, expect, it } from "vitest";
import { PLAIN, parseLine } from "./ansi";

const textOf = (line: string) =>
  parseLine(line, PLAIN)
    .spans.map((span) => span.text)
    .join("");

describe("parseLine", () => {
  it("turns colours into spans", () => {
    const { spans, style } = parseLine("\u001b[1;31mred\u001b[0m plain", PLAIN);
    expect(spans).toEqual([
      { text: "red", style: { ...PLAIN, bold: true, ink: "red" } },
      { text: " plain", style: PLAIN },
    ]);
    expect(style).toEqual(PLAIN);
  });

  it("carries the style into the next line", () => {
    const { style } = parseLine("\u001b[32mgreen", PLAIN);
    expect(parseLine("still", style).spans).toEqual([{ text: "still", style: { ...PLAIN, ink: "green" } }]);
  });

  it("leaves markup as text", () => {
    expect(textOf("<script>alert(1)</script>")).toBe("<script>alert(1)</script>");
  });

  it.each([
    ["cursor movement", "a\u001b[2Jb\u001b[10;5Hc", "abc"],
    ["a title", "a\u001b]0;title\u0007b", "ab"],
    ["a hyperlink", "\u001b]8;;https://example.org\u001b\\link\u001b]8;;\u001b\\", "link"],
    ["an unfinished title", "a\u001b]0;never ends", "a"],
    ["256 colours", "\u001b[38;5;200mx\u001b[48;2;1;2;3my", "xy"],
  ])("does not obey %s", (_what, line, text) => {
    expect(textOf(line)).toBe(text);
  });

  it("shows NUL, bell and a turned writing direction", () => {
    expect(textOf("a\u0000b\u0007c\u202ed")).toBe("a\u2400b\u2407c\ufffdd");
  });

  it("shows what a carriage return left", () => {
    expect(textOf("10 %\r50 %\r100 %")).toBe("100 %");
    expect(textOf("windows\r")).toBe("windows");
  });
});
