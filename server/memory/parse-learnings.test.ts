import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MOST_FILES } from "../domain/learning";
import { TEXT_CHARS, TITLE_CHARS } from "../domain/learning-kinds";
import { parseLearnings } from "./parse-learnings";
import { hashOf, likeness } from "./tidy-learning";

const parse = (...lines: string[]) => parseLearnings(lines.join("\n"), 100);
const brief = (...lines: string[]) => parse(...lines).map(({ kind, title, text }) => [kind, title, text]);

describe("lines with a kind", () => {
  test.each([
    ["- [gotcha] Ports: 0 chooses a free one.", "gotcha"],
    ["* [Pattern] Ports: 0 chooses a free one.", "pattern"],
    ["1. (approach) Ports: 0 chooses a free one.", "approach"],
    ["- **Decision:** Ports: 0 chooses a free one.", "decision"],
    ["- **decision**: Ports: 0 chooses a free one.", "decision"],
    ["- error-solution: Ports: 0 chooses a free one.", "error-solution"],
    ["- [error solution] Ports: 0 chooses a free one.", "error-solution"],
    ["- [ ] [gotcha] Ports: 0 chooses a free one.", "gotcha"],
    ["- Ports: 0 chooses a free one.", "pattern"],
  ])("%s", (line, kind) => expect(brief(line)).toEqual([[kind, "Ports", "0 chooses a free one."]]));

  test("go on over indented lines and end at what is not", () => {
    expect(
      brief("# Learnings", "", "- [gotcha] One: first", "  second", "", "  third", "", "Some closing words."),
    ).toEqual([
      ["gotcha", "One", "first\n  second\n\n  third"],
      ["pattern", "Learnings", "Some closing words."],
    ]);
  });

  test("without a colon have their first sentence as a title and lose nothing", () => {
    const line = "Never bind to a fixed port. Two tests at once would meet.";
    expect(brief(`- [gotcha] ${line}`)).toEqual([["gotcha", "Never bind to a fixed port.", line]]);
  });

  test("name files", () => {
    const [learning] = parse("- [gotcha] Ports: use 0", "  Files: src/a.ts, `src/b.ts` ../x /etc/passwd");
    expect(learning).toEqual({
      kind: "gotcha",
      title: "Ports",
      text: "use 0",
      files: ["src/a.ts", "src/b.ts"],
    });
  });
});

describe("sections", () => {
  test("with a kind and a title are one learning each, lists within them stay", () => {
    expect(
      brief("# Notes", "## [gotcha] Ports", "Use 0.", "- then read it back", "## Time", "", "UTC only."),
    ).toEqual([
      ["gotcha", "Ports", "Use 0.\n- then read it back"],
      ["pattern", "Time", "UTC only."],
    ]);
  });

  test("that name a kind alone give it to what stands below", () => {
    expect(
      brief("## Gotchas", "- Ports: use 0", "- Time: use UTC", "### Decisions", "- Postgres: one server"),
    ).toEqual([
      ["gotcha", "Ports", "use 0"],
      ["gotcha", "Time", "use UTC"],
      ["decision", "Postgres", "one server"],
    ]);
  });

  test("end at headings, but not at what looks like one in code", () => {
    expect(brief("## Running", "```sh", "# a comment", "- not an item", "```")).toEqual([
      ["pattern", "Running", "```sh\n# a comment\n- not an item\n```"],
    ]);
  });

  test("without any text are none", () => expect(brief("# A", "## B", "", "### Gotchas")).toEqual([]));

  test("of a file with front matter begin behind it", () =>
    expect(brief("---", "title: x", "---", "# One", "Text.")).toEqual([["pattern", "One", "Text."]]));
});

describe("hostile files", () => {
  test("are read in part, within the limits", () => {
    const long = parse(`- [gotcha] ${"x".repeat(5_000)}: ${"y".repeat(1_000_000)}`);
    expect(long).toHaveLength(1);
    expect(long[0]?.title.length).toBeLessThanOrEqual(TITLE_CHARS);
    expect(long[0]?.text.length).toBeLessThanOrEqual(TEXT_CHARS);
    expect(parseLearnings("- [gotcha] a: b\n".repeat(100_000), 50)).toHaveLength(50);
    expect(
      parse("- a: b", `  Files: ${Array.from({ length: 500 }, (_, i) => `f${i}`).join(" ")}`)[0]?.files,
    ).toHaveLength(MOST_FILES);
  });

  test("lose NUL, lone surrogates, escapes and marks that turn text around", () => {
    const [learning] = parse("- [gotcha] A\u0000b\ud800: \u001b[31mred\u202e dne\u2066");
    expect(learning).toMatchObject({ title: "A␀b\ufffd", text: "[31mred dne" });
  });

  test("of any shape come to learnings that can be stored", () => {
    const line = fc.oneof(
      fc.constantFrom(
        "- [gotcha] ",
        "## ",
        "# Gotchas",
        "```",
        "",
        "  ",
        "- [",
        "---",
        "* **fix**: ",
        "Files: a",
      ),
      fc.string({ unit: "binary", maxLength: 30 }),
    );
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(line, line).map((two) => two.join("")),
          { maxLength: 20 },
        ),
        (lines) => {
          for (const { title, text } of parse(...lines)) {
            expect(title.trim()).not.toBe("");
            expect(text.trim()).not.toBe("");
            expect(`${title}${text}`.isWellFormed()).toBe(true);
            expect(`${title}${text}`).not.toContain("\u0000");
            expect(title).not.toMatch(/[\r\n]/);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

test("two learnings are the same whatever their case, spaces and marks", () => {
  const one = { title: "Use port 0", text: "It is *free*." };
  expect(hashOf({ title: "use  PORT 0!", text: "It is\nfree" })).toBe(hashOf(one));
  expect(hashOf({ title: "use port 1", text: "It is free" })).not.toBe(hashOf(one));
});

test("likeness is the share of common words", () => {
  expect(likeness("a b c d", "d c b a")).toBe(1);
  expect(likeness("a b c", "a b d")).toBe(0.5);
  expect(likeness("a", "b")).toBe(0);
});
