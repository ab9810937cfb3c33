// How many tokens a question and its answer may have together: what the model takes, and what the operator allows.
import { type Env, env } from "../env";
import type { ProviderName } from "./port";

/** What is used of a large window when the operator says nothing: longer prompts cost more and are read worse. */
const USED_TOKENS = 200_000;
/** Ollama's own default of 4,096 drops the beginning of a longer prompt without a word. */
const OLLAMA_TOKENS = 16_384;

/**
 * Windows of models, the first that fits. Read on 2026-11-21 in platform.claude.com/docs/en/models; a model that is
 * not named there counts as one of the small ones.
 */
const WINDOWS: readonly { model: RegExp; tokens: number }[] = [
  {
    model: /claude-(?:fable|mythos|opus|sonnet|haiku)-(?:[5-9]|\d{2})(?:-\d{1,2})?(?!\d)/,
    tokens: 1_000_000,
  },
  { model: /claude-/, tokens: 200_000 },
];

/** The window of a model in tokens, cut to CONTEXT_TOKENS. Of a local model it is what the server is asked for. */
export function contextTokens(provider: ProviderName, model: string, settings: Env = env()): number {
  const allowed = settings.CONTEXT_TOKENS;
  if (provider === "ollama") return allowed ?? OLLAMA_TOKENS;
  const known = WINDOWS.find((row) => row.model.test(model.toLowerCase()))?.tokens ?? USED_TOKENS;
  return Math.min(known, allowed ?? USED_TOKENS);
}
