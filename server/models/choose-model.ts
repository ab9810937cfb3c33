// Which provider and model answers for a role: the job's own choice, else the factory's default.
// With no key and no Ollama the default is simulation, and every screen says so.
import { ANY_ROLE } from "../domain/fallback-models";
import type { Role } from "../domain/roles";
import { type Env, env } from "../env";
import { createAnthropic } from "./anthropic";
import { thinksByItself } from "./anthropic-request";
import { createOllama } from "./ollama";
import type { ModelProvider, ProviderName } from "./port";
import { createSimulation } from "./simulation/simulation";

export interface ModelChoice {
  provider: ProviderName;
  model: string;
}

/** The model that answers when a job names none. */
export function defaultModel(settings: Env = env()): ModelChoice {
  if (settings.ANTHROPIC_API_KEY) return { provider: "anthropic", model: settings.CLAUDE_MODEL };
  if (settings.OLLAMA_HOST) return { provider: "ollama", model: settings.OLLAMA_MODEL };
  return { provider: "simulation", model: settings.SIMULATION_MODEL };
}

/** @param choices a job's `models`: role → "provider/model" */
export function modelFor(role: Role, choices: Partial<Record<Role, string>>): ModelChoice {
  const choice = choices[role];
  return choice ? parseChoice(choice) : defaultModel();
}

/**
 * The model that answers for a role when its first one cannot, or null when there is none: the job's own, which has its
 * project's in it, else the factory's for the role, else its for every role.
 * @param choices a job's `fallback_models`
 */
export function fallbackFor(
  role: Role,
  choices: Partial<Record<Role, string>>,
  settings: Env = env(),
): ModelChoice | null {
  const { FALLBACK_MODELS: all } = settings;
  const choice = choices[role] ?? all[role] ?? all[ANY_ROLE];
  return choice === undefined ? null : parseChoice(choice);
}

/** "provider/model" in its two parts. */
function parseChoice(choice: string): ModelChoice {
  const slash = choice.indexOf("/");
  return { provider: choice.slice(0, slash) as ProviderName, model: choice.slice(slash + 1) };
}

/** The two parts as one name. */
export const choiceName = ({ provider, model }: { provider: string; model: string }): string =>
  `${provider}/${model}`;

/** The two models of a role in a job; the second is null when there is none but the first. */
export function modelsFor(
  role: Role,
  job: { models: unknown; fallbackModels: unknown },
): { first: ModelChoice; second: ModelChoice | null } {
  // Written only through the inputs, which know roles and choices.
  const first = modelFor(role, job.models as Partial<Record<Role, string>>);
  const second = fallbackFor(role, job.fallbackModels as Partial<Record<Role, string>>);
  return { first, second: second && choiceName(second) === choiceName(first) ? null : second };
}

/** What thinking may take of an answer, beside the answer itself: the API counts both against one limit. */
const THINKING_TOKENS = 8_192;

/** How many tokens an answer of a model may have at most. */
export function answerLimit(provider: ProviderName, model: string): number {
  const thinks = provider === "anthropic" && thinksByItself(model);
  return env().CLAUDE_MAX_TOKENS + (thinks ? THINKING_TOKENS : 0);
}

const providers = new Map<ProviderName, ModelProvider>();

/** The adapter of a provider; made once a process. */
export function providerOf(name: ProviderName): ModelProvider {
  let provider = providers.get(name);
  if (!provider) {
    provider = makeProvider(name);
    providers.set(name, provider);
  }
  return provider;
}

/** Puts another adapter in the place of one of that name, such as a recording. @returns puts things back */
export function replaceProvider(provider: ModelProvider): () => void {
  const before = providers.get(provider.name);
  providers.set(provider.name, provider);
  return () => {
    if (before) providers.set(provider.name, before);
    else providers.delete(provider.name);
  };
}

function makeProvider(name: ProviderName): ModelProvider {
  const settings = env();
  const timeoutMs = settings.WORKER_TIMEOUT * 1000;
  switch (name) {
    case "anthropic":
      return createAnthropic({
        apiKey: settings.ANTHROPIC_API_KEY ?? "",
        baseURL: settings.ANTHROPIC_BASE_URL,
        timeoutMs,
      });
    case "ollama":
      return createOllama({
        host: settings.OLLAMA_HOST ?? "http://127.0.0.1:11434",
        timeoutMs,
        contextTokens: settings.CONTEXT_TOKENS,
      });
    case "simulation":
      return createSimulation();
  }
}
