import { describe, expect, it } from "vitest";
import { parseFallbackModels } from "./fallback-models";

describe("the setting of fallback models", () => {
  it("names a model for each role, or for all", () => {
    expect(parseFallbackModels("")).toEqual({ models: {} });
    expect(
      parseFallbackModels(" *=ollama/qwen2.5-coder:14b , planner = anthropic/claude-sonnet-4-6,"),
    ).toEqual({
      models: { "*": "ollama/qwen2.5-coder:14b", planner: "anthropic/claude-sonnet-4-6" },
    });
  });

  it.each([
    ["ollama/qwen", "role=provider/model"],
    ["=ollama/qwen", "role=provider/model"],
    ["boss=ollama/qwen", 'no role "boss"'],
    ["coder=qwen", "must be anthropic"],
    ["coder=", "must be anthropic"],
    ["coder=openai/gpt", "must be anthropic"],
    ["coder=ollama/a b", "must be anthropic"],
    ["coder=ollama/a,coder=ollama/b", "twice"],
    ["*=ollama/a,*=ollama/b", "twice"],
    ["__proto__=ollama/a", "no role"],
  ])("refuses %s", (text, said) => {
    const parsed = parseFallbackModels(text);
    expect("fault" in parsed && parsed.fault).toContain(said);
  });
});
