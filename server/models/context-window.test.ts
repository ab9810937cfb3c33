import { describe, expect, it } from "vitest";
import { readEnv } from "../env";
import { contextTokens } from "./context-window";
import type { ProviderName } from "./port";

const settings = (given: Record<string, string> = {}) =>
  readEnv({
    DATABASE_URL: "postgresql://localhost/x",
    DATA_DIR: "data",
    FABRICA_AUTH_SECRET: "x".repeat(32),
    ...given,
  });

describe("the window of a model", () => {
  it.each<[ProviderName, string, string | null, number]>([
    ["anthropic", "claude-opus-5-5", null, 200_000],
    ["anthropic", "claude-opus-5-5", "900000", 900_000],
    ["anthropic", "claude-sonnet-5", "2000000", 1_000_000],
    ["anthropic", "vendor/claude-haiku-5-5-20261007", "500000", 500_000],
    ["anthropic", "claude-haiku-4-5", "500000", 200_000],
    ["anthropic", "claude-3-5-haiku-20241022", "500000", 200_000],
    ["anthropic", "claude-opus-4-20250514", "500000", 200_000],
    ["anthropic", "claude-haiku-4-5", "32000", 32_000],
    ["ollama", "qwen2.5-coder:14b", null, 16_384],
    ["ollama", "qwen2.5-coder:14b", "32768", 32_768],
    ["simulation", "sim-1", null, 200_000],
  ])("%s %s with CONTEXT_TOKENS=%s is %d", (provider, model, given, tokens) => {
    expect(contextTokens(provider, model, settings(given ? { CONTEXT_TOKENS: given } : {}))).toBe(tokens);
  });

  it.each(["0", "-1", "8191", "many", "16384.5"])("refuses %s as a setting, by name", (given) => {
    expect(() => settings({ CONTEXT_TOKENS: given })).toThrow(/CONTEXT_TOKENS/);
  });
});
