// The one list of roles. Each agent role has a prompt file in server/agents/roles/.
import { z } from "zod";

export const ROLES = [
  "architect",
  "planner",
  "coder",
  "tester",
  "fixer",
  "debugger",
  "verifier",
  "judge",
  "reviewer",
  "deployer",
] as const;
export const role = z.enum(ROLES);
export type Role = z.infer<typeof role>;
