// Which model does the work when a job names none: a key wins, then a local server, else simulation.
import type { FactoryView } from "../../domain/outputs";
import { env } from "../../env";

export function getFactory(): FactoryView {
  const { ANTHROPIC_API_KEY, CLAUDE_MODEL, OLLAMA_HOST, OLLAMA_MODEL, SIMULATION_MODEL } = env();
  if (ANTHROPIC_API_KEY) return { provider: "anthropic", model: CLAUDE_MODEL, simulated: false };
  if (OLLAMA_HOST) return { provider: "ollama", model: OLLAMA_MODEL, simulated: false };
  return { provider: "simulation", model: SIMULATION_MODEL, simulated: true };
}
