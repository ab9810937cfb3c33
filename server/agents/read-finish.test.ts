import { describe, expect, test } from "vitest";
import type { AgentRun } from "../generated/prisma/client";
import type { ModelAnswer } from "../models/port";
import { readFinish } from "./read-finish";

const RUN = { role: "coder", prompt: { forceTool: "finish" } } as unknown as AgentRun;
const SIZE = 1024 * 1024;
const full = (unit: string) => unit.repeat(Math.ceil(SIZE / unit.length));

function read(text: string): unknown {
  const usage = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
  const answer: ModelAnswer = { text, calls: [], stop: "end", usage, model: "m" };
  return readFinish(RUN, answer, []).value;
}

describe("a result in words", () => {
  test.each([
    ["alone", '{"summary":"done"}'],
    ["in a block", 'Here:\n```json\n{"summary":"done"}\n  ```\nThat is all.'],
    ["in the first of two blocks", '```\n{"summary":"done"}\n```\n```\n{"summary":"other"}\n```'],
    ["in one that begins in a line", 'x```\n{"summary":"done"}\n```'],
  ])("%s is taken", (_name, text) => expect(read(text)).toEqual({ summary: "done" }));

  test.each([
    ["without a block", "It is done."],
    ["in a block without an end", '```json\n{"summary":"done"}'],
    ["full of beginnings", full("x```\n")],
    ["full of blocks", full("```\n")],
    ["of blanks in a block", `\`\`\`\n${full(" ")}x`],
    ["of lines in a block", `\`\`\`\n${full("\n")}x`],
    ["of blanks that may end it", `\`\`\`\n${full("\n  ")}x`],
    ["of blanks that may begin it", `${full("``` ")}x`],
  ])("%s is none", (_name, text) => expect(read(text)).toBeUndefined(), 20_000);
});
