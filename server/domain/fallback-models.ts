// The setting FALLBACK_MODELS: which model answers for a role when its first one cannot, as "role=provider/model".
import { modelChoice } from "./fields";
import { ROLES, type Role, role } from "./roles";

/** Stands for every role that is not named itself. */
export const ANY_ROLE = "*";
export type FallbackModels = Partial<Record<Role | typeof ANY_ROLE, string>>;

/**
 * @param text such as "*=ollama/qwen2.5-coder:14b,planner=anthropic/claude-sonnet-4-6"; empty for none
 * @returns what is wrong, as a sentence, when it cannot be read
 */
export function parseFallbackModels(text: string): { models: FallbackModels } | { fault: string } {
  const models: FallbackModels = {};
  for (const part of text.split(",").flatMap((given) => given.trim() || [])) {
    const sign = part.indexOf("=");
    const [name, choice] = [part.slice(0, sign).trim(), part.slice(sign + 1).trim()];
    if (sign < 1)
      return { fault: `"${part}" must be role=provider/model, such as *=ollama/qwen2.5-coder:14b` };
    const known = role.safeParse(name);
    if (name !== ANY_ROLE && !known.success)
      return { fault: `there is no role "${name}"; roles are ${ROLES.join(", ")}, or * for all` };
    if (!modelChoice.safeParse(choice).success)
      return { fault: `${name}: "${choice}" must be anthropic/…, ollama/… or simulation/…` };
    const key = known.success ? known.data : ANY_ROLE;
    if (models[key] !== undefined) return { fault: `${name} is named twice` };
    models[key] = choice;
  }
  return { models };
}
