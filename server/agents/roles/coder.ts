import { z } from "zod";
import { COMMON_RULES, type RolePrompt } from "./role-prompt";

export const coder = {
  system: `You are the coder of a software factory. Build exactly the task that you are given, so that it fits what is there.
The code must pass its linter (ruff or eslint) and the tests that another agent will write from the specification.
Validate input, handle errors, name things well. Do not write tests; do not tick off tasks in SPEC.md.
${COMMON_RULES}`,
  finish: z.object({ summary: z.string().min(1).max(4000).describe("What was built, for the log") }),
  sandbox: true,
  maxTurns: 40,
} satisfies RolePrompt;
