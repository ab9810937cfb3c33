import { describe, expect, test } from "vitest";
import { replaceOnce } from "./replace-once";

describe("an exact replacement", () => {
  test.each([
    ["in the middle", "a\nb\nc\n", "b", "x", "a\nx\nc\n"],
    ["over lines", "a\nb\nc\n", "a\nb\n", "", "c\n"],
    ["with signs of patterns", "a.*b $1", ".*b $1", "$& $$", "a$& $$"],
    ["of everything", "a", "a", "b", "b"],
  ])("%s is made to the letter", (_what, text, old, now, result) => {
    expect(replaceOnce(text, old, now)).toEqual({ text: result });
  });

  test.each([
    ["that is not there", "a\nb\n", "c", /^old does not occur in it; read/],
    ["that differs in spaces", "x\n  if a:\n    b()\n", "if a:\n  b()", /line 2 differs in its spaces only/],
    ["that is there twice", "x\na\ny\na\n", "a", /more than once, at lines 2, 4; give more/],
    ["that is twice in a line", "a a", "a", /at line 1; give more/],
    ["that overlaps itself", "x\naaa", "aa", /at line 2;/],
    ["that is everywhere", "a\n".repeat(30), "a", /lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 20 more/],
    ["of spaces that is not there", "ab", "  \n  ", /^old does not occur in it; read/],
  ])("of a piece %s is refused, and says where", (_what, text, old, told) => {
    const answer = replaceOnce(text, old, "new");
    expect(answer).toHaveProperty("wrong");
    expect((answer as { wrong: string }).wrong).toMatch(told);
  });

  test("of a large file with many places is looked through quickly", () => {
    expect(replaceOnce("a\n".repeat(500_000), "a", "b")).toHaveProperty("wrong");
  });
});
