// What is read of YAML is read as everybody reads it; whatever might be read in another way is refused.
import { describe, expect, it } from "vitest";
import { readYaml, type YamlNode, YamlProblem } from "./read-yaml";

/** A node as plain data. */
function plain({ value }: YamlNode): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, node]) => [key, plain(node)]));
  return value;
}

describe("what is read", () => {
  it.each<[string, string, unknown]>([
    ["nothing", "# only a comment\n", null],
    [
      "scalars",
      "a: 1\nb: true\nc: no\nd: ~\ne: -2.5\nf: text with words # more\n",
      {
        a: 1,
        b: true,
        c: "no",
        d: null,
        e: -2.5,
        f: "text with words",
      },
    ],
    ["quotes", `a: "x # \\"y\\""\nb: 'it''s: so' # c\n"c d": 1\n`, { a: 'x # "y"', b: "it's: so", "c d": 1 }],
    ["nested", "---\na:\n  b:\n    c: 1\n  d: 2\ne: 3\n", { a: { b: { c: 1 }, d: 2 }, e: 3 }],
    [
      "lists",
      "a:\n  - 1\n  - x: 1\n    z: 2\n  - two words\nb:\n- 8000:8000\nc: 1\n",
      {
        a: [1, { x: 1, z: 2 }, "two words"],
        b: ["8000:8000"],
        c: 1,
      },
    ],
    [
      "lists on a line",
      `a: [CMD, "b, c", 'd', 2]\nb: []\nc: {}\n`,
      { a: ["CMD", "b, c", "d", 2], b: [], c: {} },
    ],
    ["values that look like keys", "a: http://x:80/y\nb: A=b\n", { a: "http://x:80/y", b: "A=b" }],
    ["empty values", "a:\nb:\n  c:\n  d: 1\n", { a: null, b: { c: null, d: 1 } }],
    ["a backslash", `a: "x\\\\y"\n`, { a: "x\\y" }],
    ["items with nested blocks", "a:\n  - b:\n      - 1\n    c: 2\n", { a: [{ b: [1], c: 2 }] }],
  ])("%s", (_name, text, value) => {
    expect(plain(readYaml(text))).toEqual(value);
  });

  it("knows at which line a value stands", () => {
    const top = readYaml("a: 1\n\n# x\nb:\n  - c\n").value as Map<string, YamlNode>;
    expect([top.get("a")?.line, top.get("b")?.line]).toEqual([1, 5]);
  });
});

describe("what is refused", () => {
  it.each<[string, string, number]>([
    ["an anchor", "a: &x 1\n", 1],
    ["an alias", "a: *x\n", 1],
    ["a merge key", "a:\n  <<: *x\n", 2],
    ["a tag", "a: !!bool yes\n", 1],
    ["a tag on a mapping", "a: !x\n  b: 1\n", 1],
    ["a block scalar", "a: |\n  b: 1\n", 1],
    ["a folded scalar", "a: >-\n  b\n", 1],
    ["a mapping in braces", "a: {b: 1}\n", 1],
    ["a key in braces", "{a: 1}\n", 1],
    ["a key given twice", "a: 1\nb: 2\na: 3\n", 3],
    ["a key given twice in other quotes", "a: 1\n'a': 3\n", 2],
    ["a value over two lines", "a: one\n  two\n", 1],
    ["a text over two lines", 'a: "one\n  two"\n', 1],
    ["a list over two lines", "a: [1,\n  2]\n", 1],
    ["an empty item", "a:\n  -\n  - 1\n", 2],
    ["a list in a list", "a:\n  - - 1\n", 2],
    ["a date as a key", "2001-01-01: 1\n", 1],
    ["an empty key", "a:\n  ? \n", 2],
    ["a document on the line of its sign", "---k: 1\n", 1],
    ["a quote that only seems to be the last one", 'a:\n- "b\\"\nq: 1\nr"c: 1\n', 2],
    ["a list in a list in brackets", "a: [[1]]\n", 1],
    ["a tab", "a:\n\tb: 1\n", 2],
    ["CR", "a: 1\r\nb: 2\r\n", 1],
    ["a line break that only some know", "a: 1\u2028b: 2\n", 1],
    ["the next line sign", "# x\u0085privileged: true\n", 1],
    ["a byte order mark", "\ufeffa: 1\n", 1],
    ["two documents", "a: 1\n---\na: 2\n", 2],
    ["a directive", "%YAML 1.1\n---\na: 1\n", 1],
    ["a strange escape", 'a: "\\x41"\n', 1],
    ["more behind a text", 'a: "x" y\n', 1],
    ["an octal number", "a: 010\n", 1],
    ["a number by sixties", "a: 22:22\n", 1],
    ["a hexadecimal number", "a: 0x1F\n", 1],
    ["a parted number", "a: 1_000\n", 1],
    ["an infinite number", "a: .inf\n", 1],
    ["a number in a list", "a: [22:22]\n", 1],
    ["an escape after a backslash", 'a: "\\\\\\x41"\n', 1],
    ["a number as a key", "a:\n  010: 1\n", 2],
    ["a truth as a key", "a:\n  Yes: 1\n", 2],
    ["a colon in a text", "a: b: c\n", 1],
    ["an indent that fits nowhere", "a:\n    b: 1\n  c: 2\n", 3],
    ["an item among keys", "a: 1\n- b\n", 2],
    ["nesting without an end", Array.from({ length: 60 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"), 33],
  ])("%s", (_name, text, line) => {
    let problem: unknown;
    try {
      readYaml(text);
    } catch (error) {
      problem = error;
    }
    expect(problem).toBeInstanceOf(YamlProblem);
    expect((problem as YamlProblem).line).toBe(line);
  });
});
