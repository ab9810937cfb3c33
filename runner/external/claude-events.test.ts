import { expect, test } from "vitest";
import { readClaude } from "./claude-events";

const say = (text: string) =>
  JSON.stringify({ type: "assistant", message: { role: "assistant", content: [{ type: "text", text }] } });

test("the beginning names the model", () => {
  const init = { type: "system", subtype: "init", model: "claude-sonnet-4-6", tools: [] };
  expect(readClaude(JSON.stringify(init))).toEqual([
    { type: "started", agent: "Claude Code (claude-sonnet-4-6)" },
  ]);
});

test("text is shown, and lines of the contract in it count as said", () => {
  const text = 'I look.\n{"v":1,"type":"learning","kind":"gotcha","text":"x"}\nDone.';
  expect(readClaude(say(text))).toEqual([
    { type: "said", text: "I look.\nDone." },
    { type: "learning", kind: "gotcha", text: "x" },
  ]);
  expect(readClaude(say('{"v":1,"type":"stuck","reason":"why"}'))).toEqual([
    { type: "stuck", reason: "why" },
  ]);
  expect(readClaude(say('{"a": 1}'))).toEqual([{ type: "said", text: '{"a": 1}' }]);
});

test("calls of tools are shown shortly, their results not at all", () => {
  const content = [{ type: "tool_use", id: "1", name: "Bash", input: { command: "npm test" } }];
  expect(readClaude(JSON.stringify({ type: "assistant", message: { content } }))).toEqual([
    { type: "said", text: "Bash: npm test" },
  ]);
  expect(readClaude(JSON.stringify({ type: "user", message: { content: [] } }))).toEqual([]);
  expect(readClaude(JSON.stringify({ type: "something_new", of: 1 }))).toEqual([]);
});

test("the result counts, and an error is a failure", () => {
  const usage = { input_tokens: 3, output_tokens: 4, cache_read_input_tokens: 5 };
  const result = { type: "result", subtype: "success", is_error: false, total_cost_usd: 0.5, usage };
  expect(readClaude(JSON.stringify(result))).toEqual([{ type: "usage", tokens: 12, cost: 0.5 }]);
  const failed = { type: "result", subtype: "error_during_execution", is_error: true, result: "Credit" };
  expect(readClaude(JSON.stringify(failed))).toEqual([
    { type: "usage", tokens: 0, cost: 0 },
    { type: "failed", reason: "Credit" },
  ]);
});

test("the contract itself is read as well; what is no JSON object is not", () => {
  expect(readClaude('{"v":1,"type":"completed"}')).toEqual([{ type: "completed", summary: "" }]);
  for (const text of ["words", "[]", "7", '{"no":"type"}']) expect(readClaude(text)).toBeNull();
});
