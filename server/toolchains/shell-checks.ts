// Lint and tests by a shell line of the project's own: all that can be known of it is its exit code and what it said.
import type { LintReport, RunOutput, TestReport } from "./port";

const SAID_CHARS = 4_000;

/** The id of "the test command came to an end with 0". */
export const SHELL_TEST_ID = "test command";

/** The rule of "the lint command came to no good end". */
export const SHELL_LINT_RULE = "exit-code";

/** The last words of a run, where programs say what went wrong. */
function saidBy({ stdout, stderr }: RunOutput): string {
  const said = [stdout, stderr].filter((text) => text.trim() !== "").join("\n");
  return said.trim().slice(-SAID_CHARS).toWellFormed();
}

/** One problem when it did not end with 0. */
export function readShellLint(output: RunOutput): LintReport {
  if (output.exitCode === 0) return { tool: "lint command", problems: [], unreadable: null };
  const message = `ended with ${output.exitCode ?? "a signal"}\n${saidBy(output)}`;
  const problem = {
    file: "",
    line: 0,
    column: 0,
    rule: SHELL_LINT_RULE,
    message,
    severity: "error" as const,
  };
  return { tool: "lint command", problems: [problem], unreadable: null };
}

/** One test, which passed or failed. */
export function readShellTests(output: RunOutput): TestReport {
  const passed = output.exitCode === 0;
  const message = passed
    ? ""
    : `ended with ${output.exitCode ?? "a signal"}\n${saidBy(output)}`.slice(0, SAID_CHARS);
  const test = {
    id: SHELL_TEST_ID,
    outcome: passed ? ("passed" as const) : ("failed" as const),
    durationMs: 0,
    message,
  };
  return { tool: "test command", tests: [test], unreadable: null };
}
