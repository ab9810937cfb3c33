import { describe, expect, it } from "vitest";
import { splitToolText } from "./tool-text";

const tools = ["write", "run"];
const call = { name: "write", input: { path: "a.py", content: 'print("```")' } };
const json = JSON.stringify({ name: call.name, arguments: call.input });

describe("a tool call written as text", () => {
  it.each([
    ["the whole answer", `\n${json}\n`, ""],
    [
      "a fenced block",
      `I will write it.\n\n\`\`\`json\n${JSON.stringify({ name: "write", arguments: { path: "a.py", content: 'print("x")' } })}\n\`\`\`\n`,
      "I will write it.",
    ],
    ["an element", `First:\n<tool_call>\n${json}\n</tool_call>`, "First:"],
    ["other words for its parts", JSON.stringify({ tool: "write", parameters: call.input }), ""],
    [
      "the shape of a real call",
      JSON.stringify({
        type: "function",
        function: { name: "write", arguments: JSON.stringify(call.input) },
      }),
      "",
    ],
  ])("is found in %s", (_where, text, rest) => {
    const found = splitToolText(text, tools);
    expect(found.calls).toHaveLength(1);
    expect(found.calls[0]).toMatchObject({ name: "write", input: { path: "a.py" } });
    expect(found.text).toBe(rest);
  });

  it("may be several", () => {
    const list = JSON.stringify([
      { name: "write", arguments: {} },
      { name: "run", arguments: { command: "ls" } },
    ]);
    expect(splitToolText(list, tools).calls.map((found) => found.name)).toEqual(["write", "run"]);
    const lines = `${json}\n${JSON.stringify({ name: "run", arguments: {} })}`;
    expect(splitToolText(lines, tools).calls.map((found) => found.name)).toEqual(["write", "run"]);
  });

  it.each([
    ["prose", "Call write with a path."],
    ["JSON that is not a call", '```json\n{"name": "shop", "version": 1}\n```'],
    ["a tool that was not offered", '{"name": "delete_all", "arguments": {}}'],
    ["code in a fence", "```python\nprint(1)\n```"],
    ["a package file that is named like a tool", '```json\n{"name": "write", "version": "1.0.0"}\n```'],
    ["arguments of a wrong type", '{"name": "write", "arguments": 5}'],
  ])("is not seen in %s", (_what, text) => {
    expect(splitToolText(text, tools)).toEqual({ text, calls: [] });
  });

  it("is not looked for without tools", () => {
    expect(splitToolText(json, []).calls).toEqual([]);
  });

  it("that is broken is a call that cannot be read, not text", () => {
    const broken = 'First.\n```json\n{"name": "write", "arguments": {"path": "a\n```';
    expect(splitToolText(broken, tools)).toEqual({
      text: "First.",
      calls: [{ name: "write", input: {}, unreadable: expect.stringMatching(/not valid JSON/) }],
    });
  });

  it("with a slip of one meaning is read", () => {
    const slipped = '```json\n{"name": "write", "arguments": {"path": "a", "content": "one\ntwo",},}\n```';
    expect(splitToolText(slipped, tools).calls).toEqual([
      { name: "write", input: { path: "a", content: "one\ntwo" } },
    ]);
  });
});
