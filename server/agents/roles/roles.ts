// Which role has which prompt. Roles without an entry have no agent of their own yet.
import type { Role } from "../../domain/roles";
import { coder } from "./coder";
import { fixer } from "./fixer";
import { planner } from "./planner";
import type { RolePrompt } from "./role-prompt";
import { tester } from "./tester";

const PROMPTS = { planner, coder, tester, fixer } satisfies Partial<Record<Role, RolePrompt>>;
export type AgentRole = keyof typeof PROMPTS;

export function promptOf(role: AgentRole): RolePrompt {
  return PROMPTS[role];
}
