import { describe, expect, it } from "vitest";
import { fencedInstructions, readFenced, withoutCalls, writeCall } from "./fenced-tools";
import type { ToolDefinition } from "./port";

const text = { type: "string" };
const tool = (
  name: string,
  properties: Record<string, object>,
  required = Object.keys(properties),
): ToolDefinition => ({
  name,
  description: `Does ${name}.`,
  input: { type: "object", properties, required },
});
const TOOLS = [
  tool("write", { path: text, content: text }),
  tool("edit", { path: text, old: text, new: text }),
  tool("run", { command: text, timeout_seconds: { type: "number" } }, ["command"]),
  tool("finish", { summary: text, files: { type: "array" } }),
];
const F = "```";
const read = (...lines: string[]) => readFenced(lines.join("\n"), TOOLS);

describe("a call in a fenced block", () => {
  it.each<[string, string[], string, unknown]>([
    [
      "with its text behind a mark",
      [`${F}tool write`, "path=a.py", "@@ content", "x = {", '  "a": 1,', "}", F],
      "write",
      { path: "a.py", content: 'x = {\n  "a": 1,\n}\n' },
    ],
    [
      "with its text behind a colon",
      [`${F}tool write`, "path: a.py", "content:", "name: x", F],
      "write",
      { path: "a.py", content: "name: x\n" },
    ],
    [
      "with its text behind an empty line",
      [`${F}tool write`, "path=a.py", "", "x = 1", F],
      "write",
      { path: "a.py", content: "x = 1\n" },
    ],
    ["with nothing but its text", [`${F}tool run`, "ls -la | head", F], "run", { command: "ls -la | head" }],
    [
      "with its values on the first line",
      [`${F}tool write path="a b.py"`, "@@ content", "x", F],
      "write",
      { path: "a b.py", content: "x\n" },
    ],
    ["with the tool where the language stands", [`${F}run`, "command=ls", F], "run", { command: "ls" }],
    ["in capitals and tildes", ["~~~Tool run", "command=ls", "~~~"], "run", { command: "ls" }],
    [
      "with a number",
      [`${F}tool run`, "command=ls", "timeout_seconds=5", F],
      "run",
      { command: "ls", timeout_seconds: 5 },
    ],
    [
      "with a list",
      [`${F}tool finish`, "summary=done: all", 'files=["a", "b"]', F],
      "finish",
      { summary: "done: all", files: ["a", "b"] },
    ],
    [
      "with a list over several lines",
      [`${F}tool finish`, "summary=done", "@@ files", "[", '"a"', "]", F],
      "finish",
      { summary: "done", files: ["a"] },
    ],
    [
      "with two texts",
      [`${F}tool edit`, "path=a", "@@ old", "  x", "=======", "@@ new", "", "  y", F],
      "edit",
      { path: "a", old: "  x\n=======", new: "\n  y" },
    ],
    [
      "with a fence inside",
      [`${F}tool write`, "path=a.md", "@@ content", "# A", `${F}python`, "x", F, "end", F],
      "write",
      { path: "a.md", content: `# A\n${F}python\nx\n${F}\nend\n` },
    ],
    [
      "in a longer fence",
      ["````tool write", "path=a.md", "@@ content", F, "x", F, "````"],
      "write",
      { path: "a.md", content: `${F}\nx\n${F}\n` },
    ],
    ["without its end", [`${F}tool run`, "command=ls"], "run", { command: "ls" }],
    ["with an unknown tool", [`${F}tool sudo`, "command=ls", F], "sudo", {}],
    ["with a tool from the prototype", [`${F}tool constructor`, "x=1", F], "constructor", {}],
    [
      "with values that nobody knows",
      [`${F}tool run`, "command=ls", "__proto__=1", "owner=me", F],
      "run",
      { command: "ls" },
    ],
    [
      "with an empty text",
      [`${F}tool write`, "path=a", "@@ content", F],
      "write",
      { path: "a", content: "" },
    ],
    [
      "with Windows' line ends",
      [`${F}tool write\r`, "path=a\r", "@@ content\r", "x\r", `${F}\r`],
      "write",
      { path: "a", content: "x\n" },
    ],
  ])("%s", (_what, lines, name, input) => {
    const { calls, text: rest } = read("I do it.", "", ...lines, "");
    expect(calls).toEqual([{ name, input }]);
    expect(rest).toBe("I do it.");
  });

  it("may be one of several, with words between", () => {
    const { calls, text: rest } = read(
      "First.",
      `${F}tool run`,
      "ls",
      F,
      "Then.",
      `${F}tool run`,
      "pwd",
      F,
      "Done.",
    );
    expect(calls.map(({ input }) => input)).toEqual([{ command: "ls" }, { command: "pwd" }]);
    expect(rest).toBe("First.\nThen.\nDone.");
  });

  it("that was cut off is not made, but those before it are", () => {
    const cut = [`${F}tool run`, "ls", F, `${F}tool write`, "path=a", "@@ content", "half"].join("\n");
    expect(readFenced(cut, TOOLS, false).calls).toEqual([{ name: "run", input: { command: "ls" } }]);
  });

  it.each([
    ["code", [`${F}python`, "run('ls')", F]],
    ["a fence without a word", [F, "tool run", F]],
    ["prose", ["tool run ls", "@@ command", "ls"]],
    ["a word that begins like it", [`${F}tools run`, "ls", F]],
  ])("is not seen in %s", (_what, lines) => {
    expect(read(...lines)).toEqual({ text: lines.join("\n"), calls: [] });
  });
});

describe("hostile text", () => {
  const LETTERS = [
    "```",
    "````",
    "~~~",
    "tool",
    " ",
    "\n",
    "run",
    "write",
    "@@ content",
    "path=",
    "=",
    ":",
    "{",
    '"',
    "\u0000",
    "é",
  ];
  it("of any shape is read without end or fault, and never as more than it says", () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    for (let round = 0; round < 3_000; round++) {
      const given = Array.from({ length: random(40) }, () => LETTERS[random(LETTERS.length)]).join("");
      const { calls } = readFenced(given, TOOLS, round % 2 === 0);
      for (const { name } of calls) expect(given).toContain(name);
    }
  });

  it("of a million fences is read in one go", () => {
    const { calls } = readFenced(`${F}tool run\nls\n${F}\n`.repeat(20_000), TOOLS);
    expect(calls).toHaveLength(20_000);
    expect(readFenced("`".repeat(1_000_000), TOOLS).calls).toEqual([]);
    expect(readFenced(`${F}tool run\n`.repeat(20_000), TOOLS).calls.length).toBeGreaterThan(0);
  });
});

describe("a conversation in words alone", () => {
  it.each<[string, string, Record<string, unknown>]>([
    ["code", "write", { path: "a.py", content: 'print("```")\n' }],
    ["a Markdown file", "write", { path: "README.md", content: "# A\n\n```js\nx\n```\n" }],
    ["a piece of a file", "edit", { path: "a", old: "  x = 1", new: '"quoted"' }],
    ["a long command", "run", { command: `echo ${"x".repeat(300)}`, timeout_seconds: 9 }],
    ["an empty file", "write", { path: "a", content: "" }],
    ["a list", "finish", { summary: "All done = yes", files: ["a", "b=c"] }],
  ])("writes %s as it is read", (_what, name, input) => {
    expect(readFenced(writeCall({ name, input }), TOOLS).calls).toEqual([{ name, input }]);
  });

  it("has calls and results as blocks and no calls", () => {
    const messages = withoutCalls([
      { role: "user", text: "Build." },
      { role: "assistant", text: "Yes.", calls: [{ id: "c1", name: "run", input: { command: "ls" } }] },
      { role: "user", text: "Hurry.", results: [{ callId: "c1", content: `a\n${F}\n`, isError: true }] },
    ]);
    expect(messages[1]).toEqual({
      role: "assistant",
      text: `Yes.\n\n${F}tool run\ncommand=ls\n${F}`,
      calls: [],
    });
    expect(messages[2]).toEqual({
      role: "user",
      text: `\`${F}result run (error)\na\n${F}\n\`${F}\n\nHurry.`,
    });
  });

  it("names every tool with its values", () => {
    const told = fencedInstructions(TOOLS);
    for (const part of ["- write: Does write.", "timeout_seconds (number, optional)", "files (array)"])
      expect(told).toContain(part);
  });
});
