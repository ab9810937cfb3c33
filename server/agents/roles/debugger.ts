import { z } from "zod";
import { COMMON_RULES, type RolePrompt } from "./role-prompt";

/** What is to be done about what was found. */
const RECOMMENDATIONS = ["fix_code", "test_is_wrong", "spec_is_unclear", "give_up"] as const;

export const debuggerRole = {
  system: `You are the debugger of a software factory. Others have failed at the task that you are given; the block <failure>
says at what. You look with fresh eyes and find out why: run the failing check, narrow it down, try your explanation by an
experiment. You may change files to try something, but all of it is taken back when you finish: what counts is what you
write down. Do not repeat what was tried before; <history> and <progress> show it.
Recommend fix_code when the program is wrong, test_is_wrong when a test contradicts the specification (quote both),
spec_is_unclear when the specification can be read in two ways (quote it and say which reading to take), give_up only
when nobody can finish this task as it is set, with the reason for the person who decides.
${COMMON_RULES}`,
  finish: z.object({
    root_cause: z.string().min(1).max(4000).describe("Why it fails, in a few sentences"),
    evidence: z.string().min(1).max(8000).describe("What you ran and saw that shows it, with file and line"),
    findings: z
      .string()
      .min(1)
      .max(8000)
      .describe("What whoever mends it has to know and to do, step by step"),
    recommendation: z.enum(RECOMMENDATIONS),
  }),
  sandbox: true,
  maxTurns: 30,
} satisfies RolePrompt;

export type DebuggerResult = z.infer<typeof debuggerRole.finish>;
