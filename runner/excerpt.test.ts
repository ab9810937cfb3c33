import { describe, expect, it } from "vitest";
import { beginningOf, endOf } from "./excerpt";

const TOKEN = "ghp_0123456789abcdefghijABCDEFGHIJ";

describe("part of what a program has printed", () => {
  it("is the whole when that is short enough", () => {
    expect(beginningOf("all of it", 9)).toBe("all of it");
    expect(endOf("all of it", 9)).toBe("all of it");
  });

  it("holds a credential whole or not at all, wherever it is cut", () => {
    const text = `before ${TOKEN} behind`;
    for (let chars = 0; chars <= text.length; chars++) {
      for (const part of [beginningOf(text, chars), endOf(text, chars)]) {
        expect(part.length).toBeLessThanOrEqual(chars);
        expect(part.replace(TOKEN, "")).not.toMatch(/gh|p_|[0-9A-J]/);
      }
    }
  });

  it("ends right behind a word and begins right before one", () => {
    expect(beginningOf("one two three", 7)).toBe("one two");
    expect(beginningOf("one two three", 9)).toBe("one two ");
    expect(endOf("one two three", 5)).toBe("three");
    expect(endOf("one two three", 6)).toBe(" three");
    expect(endOf("one two three", 7)).toBe(" three");
  });

  it("is nothing of a single word that is too long", () => {
    expect(beginningOf("x".repeat(20), 10)).toBe("");
    expect(endOf("x".repeat(20), 10)).toBe("");
  });

  it("halves no character, and cuts scripts without spaces anywhere", () => {
    expect(beginningOf("工作完成工作完成", 4)).toBe("工作完成");
    expect(endOf("工作完成工作完成", 2)).toBe("完成");
    expect(beginningOf("ab 😀", 4).isWellFormed()).toBe(true);
    expect(endOf("😀 ab", 4).isWellFormed()).toBe(true);
  });
});
