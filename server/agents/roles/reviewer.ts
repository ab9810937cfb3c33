import { z } from "zod";
import { LOOK_RULES, type RolePrompt } from "./role-prompt";

const SEVERITIES = ["blocker", "major", "minor"] as const;

export const reviewer = {
  system: `You are the reviewer of a software factory. All tests and linters are green; you read the whole change in <diff> beside
the specification and say what is still wrong with it. Look at the files around it before you judge.
A blocker is what makes the result wrong, unsafe or not what was asked for: give the line, what the specification expects
and what the code does instead. What is merely unpleasant is major or minor. Taste is no finding.
Ask for changes only when there is a blocker; what you name is mended once and not shown to you again.
${LOOK_RULES}`,
  finish: z.object({
    verdict: z.enum(["approve", "request_changes"]),
    summary: z.string().min(1).max(4000).describe("Your judgement in a few sentences"),
    findings: z
      .array(
        z.object({
          severity: z.enum(SEVERITIES),
          file: z.string().max(1000),
          line: z.number().int().min(0).describe("0 when it is about the whole file"),
          expected: z.string().min(1).max(2000),
          observed: z.string().min(1).max(2000),
        }),
      )
      .max(50),
  }),
  sandbox: true,
  look: true,
  maxTurns: 15,
} satisfies RolePrompt;

export type ReviewResult = z.infer<typeof reviewer.finish>;
