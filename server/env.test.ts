import { describe, expect, it } from "vitest";
import { readEnv } from "./env";

const NEEDED = {
  DATABASE_URL: "postgresql://localhost/x",
  DATA_DIR: "data",
  FABRICA_AUTH_SECRET: "x".repeat(32),
};

describe("FALLBACK_MODELS", () => {
  it("is none when nothing is said", () => {
    expect(readEnv(NEEDED).FALLBACK_MODELS).toEqual({});
    expect(readEnv({ ...NEEDED, FALLBACK_MODELS: "" }).FALLBACK_MODELS).toEqual({});
  });

  it("is read by role", () => {
    const FALLBACK_MODELS = "*=ollama/qwen,planner=anthropic/claude-sonnet-5-5";
    const keys = { ANTHROPIC_API_KEY: "sk-test", OLLAMA_HOST: "http://127.0.0.1:11434" };
    expect(readEnv({ ...NEEDED, ...keys, FALLBACK_MODELS }).FALLBACK_MODELS).toEqual({
      "*": "ollama/qwen",
      planner: "anthropic/claude-sonnet-5-5",
    });
  });

  it.each([
    ["coder", 'FALLBACK_MODELS: "coder" must be role=provider/model'],
    ["boss=simulation/sim-1", 'FALLBACK_MODELS: there is no role "boss"'],
    ["*=openai/gpt", "must be anthropic/…, ollama/… or simulation/…"],
    ["*=anthropic/claude-sonnet-5-5", "for every role needs ANTHROPIC_API_KEY"],
    ["coder=ollama/qwen", "ollama/qwen for coder needs OLLAMA_HOST"],
  ])("%s: the start is refused with the reason", (FALLBACK_MODELS, said) => {
    expect(() => readEnv({ ...NEEDED, FALLBACK_MODELS })).toThrow(said);
  });
});
