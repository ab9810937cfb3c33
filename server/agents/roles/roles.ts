// Which role has which prompt. Roles without an entry have no agent of their own yet.
import type { Role } from "../../domain/roles";
import { architect } from "./architect";
import { coder } from "./coder";
import { debuggerRole } from "./debugger";
import { deployer } from "./deployer";
import { fixer } from "./fixer";
import { planner } from "./planner";
import { reviewer } from "./reviewer";
import type { RolePrompt } from "./role-prompt";
import { tester } from "./tester";

const PROMPTS = {
  architect,
  planner,
  coder,
  tester,
  fixer,
  debugger: debuggerRole,
  reviewer,
  deployer,
} satisfies Partial<Record<Role, RolePrompt>>;
export type AgentRole = keyof typeof PROMPTS;

export function promptOf(role: AgentRole): RolePrompt {
  return PROMPTS[role];
}
