// Reads the JSON report of our two lint programs (runner/toolchain/bin/lint-report.mjs).
// The report comes out of a sandbox, so every field is checked; anything odd makes the whole report unreadable.
import { z } from "zod";
import type { LintReport, RunOutput } from "./port";
import { MAX_REPORT_CHARS, unreadableBecause } from "./unreadable";

const problem = z.object({
  file: z.string().max(4096),
  line: z.number().int().nonnegative(),
  column: z.number().int().nonnegative(),
  rule: z.string().max(200),
  message: z.string(),
  severity: z.enum(["error", "warning"]),
});

const report = z.object({
  v: z.literal(1),
  tool: z.string().max(200),
  problems: z.array(problem).max(5000),
  error: z.string().nullable(),
});

const MAX_MESSAGE = 1000;

/**
 * @param tool name to show when the report itself cannot be read
 * @returns the problems found; `unreadable` is set when the tool did not lint, or says one thing and its exit code another
 */
export function parseLintReport(tool: string, output: RunOutput): LintReport {
  const fail = (reason: string): LintReport => ({
    tool,
    problems: [],
    unreadable: unreadableBecause(tool, reason, output),
  });
  if (output.report === null) return fail("wrote no report");
  if (output.report.length > MAX_REPORT_CHARS) return fail("wrote a report that is too long");
  let json: unknown;
  try {
    json = JSON.parse(output.report);
  } catch {
    return fail("wrote a report that is not JSON");
  }
  const parsed = report.safeParse(json);
  if (!parsed.success)
    return fail(`wrote a report of the wrong form (${parsed.error.issues[0]?.path.join(".")})`);
  const { tool: name, error, problems } = parsed.data;
  const cut = problems.map((one) => ({ ...one, message: one.message.slice(0, MAX_MESSAGE) }));
  if (error !== null) return { tool: name, problems: cut, unreadable: error.slice(0, 4000) };
  const expected = problems.some((one) => one.severity === "error") ? 1 : 0;
  if (output.exitCode !== expected) return fail(`ended with code ${output.exitCode} against its own report`);
  return { tool: name, problems: cut, unreadable: null };
}
